/** As `signalbox.yml` and links have it. GitHub tells logins apart without regard to case. */
export function githubAccount(login: string): string {
  return `github:${login.toLowerCase()}`;
}
