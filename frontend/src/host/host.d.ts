/* What Buildbot 4.3 gives a plugin, as far as this one uses it. The packages are not published for 4.x, so their types
   stand here by hand. */

declare module "buildbot-plugin-support" {
  import type { JSX } from "react";
  export interface GroupSettings {
    name: string;
    parentName: string | null;
    caption: string;
    route: string | null;
    icon?: JSX.Element;
    order: number | null;
  }
  export interface RouteConfig {
    route: string;
    group: string | null;
    element: () => JSX.Element;
  }
  export interface SettingItemConfig {
    name: string;
    type: "string" | "integer" | "float" | "boolean" | "choice_combo";
    caption: string;
    choices?: string[];
    defaultValue: string | number | boolean;
  }
  export interface SettingGroupConfig {
    name: string;
    caption: string | null;
    items: SettingItemConfig[];
  }
  export interface RegistrationCallbacks {
    registerMenuGroup: (group: GroupSettings) => void;
    registerRoute: (route: RouteConfig) => void;
    registerSettingGroup: (group: SettingGroupConfig) => void;
  }
  export interface Settings {
    getIntegerSetting: (selector: string) => number;
    getChoiceComboSetting: (selector: string) => string;
  }
  export function buildbotGetSettings(): Settings;
  export function buildbotSetupPlugin(callback: (callbacks: RegistrationCallbacks) => void): void;
}

declare module "buildbot-ui" {
  export interface TopbarItem {
    route: string | null;
    caption: string;
  }
  export function useTopbarItems(items: TopbarItem[]): void;
}

declare module "buildbot-data-js" {
  import type { Context } from "react";
  export interface WebSocketClient {
    eventStream: { subscribe: (listener: (message: unknown) => void) => () => void };
    /* Never settles when the socket was refused. */
    subscribe: (path: string, subscriber: unknown) => Promise<void>;
  }
  export const DataClientContext: Context<{ webSocketClient: WebSocketClient } | undefined>;
}
