export const ROOT: string
export function nodeIsTooOld(version: string): boolean
export function reasonToInstall(root: string): string | undefined
export function bootstrap(root?: string): void
