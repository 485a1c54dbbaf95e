import React from "react";
import type { Instance } from "../../contract/types";

export const EndButton = ({ instance, onEnd }: { instance: Instance; onEnd: (instance: Instance) => void }) => (
  <button
    type="button"
    className="btn btn-sm btn-outline-danger bbl-nowrap"
    aria-haspopup="dialog"
    data-test="end-instance"
    onClick={() => {
      onEnd(instance);
    }}
  >
    End instance<span className="bbl-sr"> {instance.name}</span>…
  </button>
);
