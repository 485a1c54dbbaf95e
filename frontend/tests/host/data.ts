import { createContext } from "react";

export const DataClientContext = createContext<unknown>(undefined);
