import React from "react";
import type { Frame } from "../contract/types";
import { fileName } from "../model/words";

/** Where in the driver a call hangs, innermost last, as in a traceback. */
export const Frames = ({ frames }: { frames: readonly Frame[] }) => {
  const last = frames[frames.length - 1];
  if (last === undefined) return null;
  return (
    <details className="bbl-frames">
      <summary>
        in <code>{last.function}</code>, {fileName(last.file)}:{last.line}
      </summary>
      <ol>
        {frames.map((frame, index) => (
          <li key={index}>
            <code>
              {frame.file}:{frame.line} {frame.function}
            </code>
          </li>
        ))}
      </ol>
    </details>
  );
};
