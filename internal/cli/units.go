package cli

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// unit is what has to be installed so that watch runs.
type unit struct {
	exe      string        // absolute path of the binary
	dir      string        // absolute path of the state directory to name with --dir, or empty
	identity string        // absolute path for SECRETS_IDENTITY_FILE, which no scheduler passes on, or empty
	home     string        // absolute path of the home directory, where launchd's log file goes
	every    time.Duration // how often
}

// minPause is the shortest time between two runs: launchd starts nothing more
// often, and systemd takes it for a crash loop.
const minPause = 10 * time.Second

// maxCronCommand is what every cron takes: the oldest have room for 1000 bytes.
const maxCronCommand = 990

// render returns the text to install for cron, systemd or launchd. A path that
// the scheduler could not be told exactly is refused.
func (u unit) render(scheduler string) (string, error) {
	u.every = max(u.every, minPause)
	switch scheduler {
	case "cron":
		return u.cron()
	case "systemd":
		return u.systemd()
	case "launchd":
		return u.launchd()
	}
	return "", refuseUnit("--print takes cron, systemd or launchd")
}

func refuseUnit(why string) error { return usageError{msg: why, fix: "secrets help watch"} }

func (u unit) cron() (string, error) {
	if err := checkUnitPaths(u.exe, u.dir, u.identity); err != nil {
		return "", err
	}
	if strings.Contains(u.exe+"\n"+u.dir+"\n"+u.identity, `\\`) {
		return "", refuseUnit("cron cannot be told a path with two backslashes in a row: some read them as one")
	}
	command := u.command(cronWord, cronWord)
	if len(command) > maxCronCommand {
		return "", refuseUnit(fmt.Sprintf("cron takes a command of at most %d bytes, and these paths are longer", maxCronCommand))
	}
	return "# Install: run crontab -e and add the line below. Rotation hooks get cron's PATH:\n" +
		"# where that is too short, put a line PATH=... above it.\n" +
		cronFields(u.every) + " " + command + "\n", nil
}

func (u unit) systemd() (string, error) {
	if err := checkUnitPaths(u.exe, u.dir, u.identity); err != nil {
		return "", err
	}
	if strings.ContainsAny(u.exe, `"'\`) {
		return "", refuseUnit("systemd runs no program with quotes or backslashes in its path")
	}
	return fmt.Sprintf(systemdUnits, u.command(systemdPath, systemdWord), u.seconds()), nil
}

// A oneshot that fails is shown by systemctl --user --failed and started again
// by the timer all the same. There is no more hardening than hooks can live
// with.
const systemdUnits = `# Install: save the two parts below under the names above them, then
#   systemctl --user daemon-reload
#   systemctl --user enable --now secrets-watch.timer
#   loginctl enable-linger    # so that it also runs while you are logged out
# Rotation hooks get the PATH that systemctl --user show-environment prints.

# ~/.config/systemd/user/secrets-watch.service
[Unit]
Description=End leases, rotate secrets that are due and check the heartbeat

[Service]
Type=oneshot
# Exit status 69: the heartbeat endpoint failed.
ExecStart=%s
UMask=0077
LimitCORE=0

# ~/.config/systemd/user/secrets-watch.timer
[Unit]
Description=Run secrets watch

[Timer]
OnBootSec=1min
OnUnitActiveSec=%ds
AccuracySec=1s

[Install]
WantedBy=timers.target
`

func (u unit) launchd() (string, error) {
	if err := checkUnitPaths(u.exe, u.dir, u.identity, u.home); err != nil {
		return "", err
	}
	if u.home == "" {
		return "", refuseUnit("there is no HOME for the log file")
	}
	log := xmlText(filepath.Join(u.home, "Library", "Logs", "secrets-watch.log"))
	var args strings.Builder
	for _, word := range u.words() {
		args.WriteString("\t\t<string>" + xmlText(word) + "</string>\n")
	}
	return fmt.Sprintf(launchdPlist, args.String(), u.seconds(), log, log), nil
}

// No two hyphens may follow each other in its comment.
const launchdPlist = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!--
Install: save this as ~/Library/LaunchAgents/secrets.watch.plist, then
  launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/secrets.watch.plist
and to remove it
  launchctl bootout gui/$(id -u)/secrets.watch
Rotation hooks get launchd's PATH: where that is too short, add EnvironmentVariables.
-->
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>secrets.watch</string>
	<key>ProgramArguments</key>
	<array>
%s	</array>
	<key>StartInterval</key>
	<integer>%d</integer>
	<key>RunAtLoad</key>
	<true/>
	<key>StandardOutPath</key>
	<string>%s</string>
	<key>StandardErrorPath</key>
	<string>%s</string>
</dict>
</plist>
`

// words is the command that the scheduler runs.
func (u unit) words() []string {
	var words []string
	if u.identity != "" {
		words = append(words, "/usr/bin/env", "SECRETS_IDENTITY_FILE="+u.identity)
	}
	words = append(words, u.exe)
	if u.dir != "" {
		words = append(words, "--dir", u.dir)
	}
	return append(words, "watch", "--quiet")
}

// command is the command on one line, its first word quoted by program and the
// others by word.
func (u unit) command(program, word func(string) string) string {
	words := u.words()
	line := program(words[0])
	for _, w := range words[1:] {
		line += " " + word(w)
	}
	return line
}

func (u unit) seconds() int { return int(u.every / time.Second) }

// checkUnitPaths refuses what a line or an XML file cannot hold, and what would
// mean something else in the scheduler's working directory.
func checkUnitPaths(paths ...string) error {
	bad := func(r rune) bool { return unicode.IsControl(r) || r == '\ufffe' || r == '\uffff' }
	for _, path := range paths {
		switch {
		case !utf8.ValidString(path) || strings.ContainsFunc(path, bad):
			return refuseUnit("a path with control characters, or in another encoding than UTF-8, cannot be written into a unit")
		case path != "" && !filepath.IsAbs(path):
			return refuseUnit("a unit takes absolute paths")
		}
	}
	return nil
}

// cronFields returns the longest interval that cron can keep to and that is not
// longer than every.
func cronFields(every time.Duration) string {
	switch minutes := int(every / time.Minute); {
	case minutes >= 24*60:
		return "0 0 * * *"
	case minutes >= 2*60:
		return fmt.Sprintf("0 */%d * * *", divisor(24, minutes/60))
	case minutes >= 60:
		return "0 * * * *"
	case minutes >= 2:
		return fmt.Sprintf("*/%d * * * *", divisor(60, minutes))
	}
	return "* * * * *"
}

// divisor returns the largest divisor of whole that is not above n.
func divisor(whole, n int) int {
	for whole%n != 0 {
		n--
	}
	return n
}

// cronWord returns s as one word for the shell that cron runs. A bare % would
// end the command. Most crons take the backslash before it away and some do
// not: outside of quotes, the shell does then.
func cronWord(s string) string {
	parts := strings.Split(s, "%")
	for i, part := range parts {
		if part != "" {
			parts[i] = shellQuote(part)
		}
	}
	return strings.Join(parts, `\%`)
}

// systemdWord returns s as one argument in an ExecStart line.
func systemdWord(s string) string { return strings.ReplaceAll(systemdPath(s), "$", "$$") }

// systemdPath returns s as the program in an ExecStart line, where variables
// are not expanded.
func systemdPath(s string) string {
	if plain := shellQuote(s); plain == s && !strings.Contains(s, "%") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(s) + `"`
}

func xmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
