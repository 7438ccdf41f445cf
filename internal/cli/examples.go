package cli

// examples shows how a command is called. Every one of them parses, which a test
// sees to.
func examples(command string) []string {
	return map[string][]string{
		"init":       {"secrets init", "secrets init --identity ~/backup/identity.age"},
		"add":        {"secrets add github_token", "gh auth token | secrets add github_token --rotate-via 'gh auth token'", "secrets add deploy/key --from-file key.pem --keep-newline"},
		"import":     {"secrets import --from .env --dry-run", "secrets import --from .env --manifest", "sops -d secrets.yaml | secrets import --format sops --prefix prod/", "secrets import --format pass --from ~/.password-store/work --prefix work/"},
		"update":     {"secrets update github_token", "secrets update github_token --rotate-every 30d"},
		"remove":     {"secrets remove github_token --yes"},
		"list":       {"secrets list", "secrets list --format text"},
		"lease":      {"curl -K <(printf 'oauth2-bearer = \"%s\"' \"$(secrets lease github_token --ttl 10m)\") https://api.example.com"},
		"leases":     {"secrets leases", "secrets leases --all --format text"},
		"revoke":     {"secrets revoke 01JABCDEF", "secrets revoke --client-id nightly-build", "secrets revoke --all", "secrets revoke --all --freeze --rotate"},
		"audit":      {"secrets audit --tail 20 --format text", "secrets audit --action lease.denied --since 1d", "secrets audit --verify"},
		"status":     {"secrets status --format text"},
		"env":        {"secrets env", "secrets env --format docker --output app.env", "eval \"$(secrets env --format sh --output -)\""},
		"exec":       {"secrets exec -- npm test", "secrets exec --env GITHUB_TOKEN=github_token --ttl 30m -- gh release list"},
		"cleanup":    {"secrets cleanup --dry-run"},
		"rotate":     {"secrets rotate github_token", "secrets rotate --due"},
		"rollback":   {"secrets rollback github_token"},
		"freeze":     {"secrets freeze"},
		"thaw":       {"secrets thaw", "secrets thaw --yes"},
		"watch":      {"secrets watch --quiet", "secrets watch --print cron"},
		"doctor":     {"secrets doctor --format text", "secrets doctor --fix"},
		"mcp":        {"secrets mcp --allow values,add"},
		"skill":      {"secrets skill", "secrets skill install --agent claude --project"},
		"completion": {"source <(secrets completion bash)"},
		"version":    {"secrets version"},
		"help":       {"secrets help exec", "secrets help exit-codes"},
	}[command]
}
