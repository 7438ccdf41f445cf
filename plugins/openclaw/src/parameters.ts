/** JSON Schema of a name that a secret can have. */
export const secretName = {
  type: "string",
  pattern: "^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$",
  description: "Name of the secret.",
};

/** JSON Schema of an object with these members and no others. */
export function object(properties: Record<string, object>, required: readonly string[] = []): object {
  return { type: "object", additionalProperties: false, properties, required };
}
