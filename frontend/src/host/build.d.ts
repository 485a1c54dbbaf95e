/** Of which source the script was built: vite.config.ts. */
declare const __BUILD__: string;
