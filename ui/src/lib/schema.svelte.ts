/** The columns of every resource, asked once. */

import { ask } from "./api";
import type { Column, Schema } from "./types";

let schema = $state.raw<Schema | null>(null);

export function loadSchema(): void {
  ask<Schema>("/api/v1/schema").then((answer) => (schema = answer), () => setTimeout(loadSchema, 2000));
}

export const columnsOf = (resource: string): readonly Column[] => schema?.resources[resource]?.columns ?? [];
export const hasResource = (resource: string): boolean => schema === null || resource in schema.resources;
