import React from "react";

/* The host has no error boundary: without this one, a fault in this plugin would blank the whole of Buildbot. */

interface Props {
  /** What is shown instead, for parts that are too small for the notice. */
  instead?: React.JSX.Element;
  children: React.ReactNode;
}

export class Boundary extends React.Component<Props, { fault: Error | null }> {
  override state: { fault: Error | null } = { fault: null };

  static getDerivedStateFromError(fault: unknown) {
    return { fault: fault instanceof Error ? fault : new Error(String(fault)) };
  }

  override render() {
    const { fault } = this.state;
    if (fault === null) return this.props.children;
    if (this.props.instead !== undefined) return this.props.instead;
    return (
      <div className="container">
        <div className="alert alert-danger" role="alert" data-test="page-fault">
          <h1 className="h5">This page of buildbot-lifecycle has failed</h1>
          <p>The rest of Buildbot is not touched, and the recorder goes on. Please report this text:</p>
          <pre>{fault.message}</pre>
          <button
            type="button"
            className="btn btn-secondary"
            onClick={() => {
              this.setState({ fault: null });
            }}
          >
            Try again
          </button>
        </div>
      </div>
    );
  }
}
