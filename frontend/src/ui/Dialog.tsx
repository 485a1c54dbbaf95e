import React, { useLayoutEffect, useId, useRef } from "react";

interface Props {
  title: React.ReactNode;
  /** While it must not be closed, Escape does nothing. */
  closable: boolean;
  onClose: () => void;
  footer: React.ReactNode;
  test: string;
  children: React.ReactNode;
}

/** A modal dialog on the browser's own: it keeps the focus inside, makes the page behind inert, and gives the focus
 *  back to the button that opened it. */
export const Dialog = ({ title, closable, onClose, footer, test, children }: Props) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element === null) return;
    if (!element.open) element.showModal();
    // Before the element leaves the page, or the browser would not give the focus back.
    return () => {
      element.close();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className="bbl-dialog"
      aria-modal="true"
      aria-labelledby={titleId}
      data-test={test}
      onCancel={(event) => {
        event.preventDefault();
        if (closable) onClose();
      }}
    >
      <div className="modal-content">
        <div className="modal-header">
          <h2 className="modal-title h5" id={titleId} tabIndex={-1}>
            {title}
          </h2>
        </div>
        <div className="modal-body">{children}</div>
        <div className="modal-footer">{footer}</div>
      </div>
    </dialog>
  );
};
