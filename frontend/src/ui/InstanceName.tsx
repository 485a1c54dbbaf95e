import React, { useEffect, useRef, useState } from "react";
import { copyText } from "../host/clipboard";
import { safeLink } from "../model/links";
import { Icon } from "./Icon";

const SAID_MS = 2_500;

/** The cloud's name of an instance, as it stands there: to copy, and with the way to the cloud's console. */
export const InstanceName = ({ name, link = null }: { name: string; link?: string | null }) => {
  const href = safeLink(link);
  if (name === "") return <span className="bbl-muted">name not known</span>;
  return (
    <span className="bbl-instance">
      <code>
        <bdi>{name}</bdi>
      </code>
      <Copy text={name} />
      {href !== null && (
        <a href={href} target="_blank" rel="noreferrer" data-test="console">
          console<span className="bbl-sr"> of {name}, in a new tab</span>
        </a>
      )}
    </span>
  );
};

const Copy = ({ text }: { text: string }) => {
  const place = useRef<HTMLSpanElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => {
      setSaid("");
    }, SAID_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [said]);
  const copy = async () => {
    if (place.current === null) return;
    const done = await copyText(text, place.current);
    button.current?.focus();
    setSaid(done ? "copied" : "not copied: select it by hand");
  };
  return (
    <span ref={place} className="bbl-copy">
      <button
        ref={button}
        type="button"
        className="btn btn-sm btn-link"
        title="Copy"
        data-test="copy"
        onClick={() => void copy()}
      >
        <Icon name="copy" />
        <span className="bbl-sr">Copy {text}</span>
      </button>
      <span role="status">{said}</span>
    </span>
  );
};
