import React from "react";
export const WorkerPage = () => <div className="container" />;
