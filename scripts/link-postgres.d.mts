export function linkPostgres(root: string): Promise<number>;
