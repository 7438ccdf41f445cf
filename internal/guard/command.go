package guard

import (
	"path/filepath"
	"strings"
)

// simple finds what one simple command discloses.
func (g Guard) simple(c command, depth int) Finding {
	for _, path := range c.from {
		if found := g.Read(path); found != Nothing {
			return found
		}
	}
	for _, path := range c.to {
		if found := g.Write(path); found != Nothing {
			return found
		}
	}
	return g.words(c.words, depth)
}

func (g Guard) words(words []string, depth int) Finding {
	words, dumps := unwrap(words)
	if dumps {
		return Environment
	}
	if len(words) == 0 {
		return Nothing
	}
	name, args := filepath.Base(words[0]), words[1:]
	switch {
	case name == "secrets":
		return g.underSecrets(args, depth)
	case name == "eval":
		return g.script(strings.Join(args, " "), depth+1)
	case isShell(name) && inlineScript(args) != "":
		return g.script(inlineScript(args), depth+1)
	case dumpsEnvironment(name, args):
		return Environment
	}
	return g.files(name, args)
}

// underSecrets looks at the command that exec runs, whose output is redacted:
// printing its environment discloses nothing. Files are not what it redacts.
func (g Guard) underSecrets(args []string, depth int) Finding {
	for i, arg := range args {
		if arg == "--" {
			if found := g.words(args[i+1:], depth+1); found != Environment {
				return found
			}
			break
		}
	}
	return Nothing
}

// files looks at the operands of a command.
func (g Guard) files(name string, args []string) Finding {
	for _, arg := range args {
		path := g.absolute(arg)
		if isEnviron(path) {
			return Environment
		}
		if g.inState(path) && !harmless(name) {
			return State
		}
	}
	for _, file := range readsOf(name, args) {
		if found := g.Read(file); found != Nothing {
			return found
		}
	}
	return Nothing
}

// unwrap takes off what stands before the command that is run: words of the
// shell's syntax, assignments, and commands that run others. dumps means that an
// env without a command is left.
func unwrap(words []string) (rest []string, dumps bool) {
	for len(words) > 0 {
		name := filepath.Base(words[0])
		switch {
		case isSyntax(words[0]) || isAssignment(words[0]):
			words = words[1:]
		case name == "env":
			cleared := false
			words, cleared = afterEnv(words[1:])
			if len(words) == 0 {
				return nil, !cleared
			}
		case runsAnother(name):
			words = afterOptions(words[1:])
			if name == "timeout" && len(words) > 0 {
				words = words[1:]
			}
		default:
			return words, false
		}
	}
	return nil, false
}

func isSyntax(word string) bool {
	switch word {
	case "{", "}", "!", "if", "then", "elif", "else", "fi", "while", "until", "do", "done", "esac", "coproc":
		return true
	}
	return false
}

func runsAnother(name string) bool {
	switch name {
	case "sudo", "doas", "command", "builtin", "exec", "nohup", "time", "nice", "ionice", "stdbuf", "setsid", "timeout", "xargs":
		return true
	}
	return false
}

// isAssignment reports whether word is VAR=value.
func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	if !ok || name == "" || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	return strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// afterEnv returns the command that env is to run, and whether it starts with an
// empty environment.
func afterEnv(args []string) (rest []string, cleared bool) {
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "-i" || arg == "-" || arg == "--ignore-environment":
			cleared = true
		case arg == "-u" || arg == "-C" || arg == "--unset" || arg == "--chdir":
			i++
		case arg == "-S" && i+1 < len(args):
			return append(strings.Fields(args[i+1]), args[i+2:]...), cleared
		case strings.HasPrefix(arg, "-") || isAssignment(arg):
		default:
			return args[i:], cleared
		}
	}
	return nil, cleared
}

// afterOptions passes over options. Of those that have a value in the next word
// it knows the usual ones.
func afterOptions(args []string) []string {
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--":
			return args[i+1:]
		case len(arg) == 2 && arg[0] == '-' && strings.IndexByte("ugnCkILPdsE", arg[1]) >= 0:
			i++
		case !strings.HasPrefix(arg, "-"):
			return args[i:]
		}
	}
	return nil
}

func isShell(name string) bool {
	switch name {
	case "sh", "bash", "dash", "zsh", "ksh", "fish":
		return true
	}
	return false
}

// inlineScript is the script of sh -c.
func inlineScript(args []string) string {
	for i, arg := range args {
		if !strings.HasPrefix(arg, "-") {
			return ""
		}
		if !strings.HasPrefix(arg, "--") && strings.HasSuffix(arg, "c") && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// dumpsEnvironment reports whether a command prints all variables. One that
// prints a variable by name does not.
func dumpsEnvironment(name string, args []string) bool {
	var options, operands int
	prints := false
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") {
			options++
			prints = prints || strings.ContainsAny(arg, "px")
		} else {
			operands++
		}
	}
	switch name {
	case "printenv":
		return operands == 0
	case "set":
		return options+operands == 0
	case "export", "declare", "typeset":
		return operands == 0 && (options == 0 || prints)
	}
	return false
}

// harmless reports whether a command shows or mends only names and modes.
func harmless(name string) bool {
	switch name {
	case "ls", "stat", "test", "[", "[[", "cd", "pwd", "du", "df", "file", "chmod", "mkdir", "echo", "printf", "export":
		return true
	}
	return false
}

// readsOf lists the operands of a command that it reads and shows, or takes
// elsewhere. A command that it does not know reads nothing: most take a file
// without showing it.
func readsOf(name string, args []string) []string {
	switch name {
	case "cat", "tac", "nl", "less", "more", "most", "head", "tail", "bat", "batcat", "view", "xxd", "hexdump", "hd", "od", "strings",
		"base64", "base32", "cut", "paste", "sort", "uniq", "comm", "diff", "fold", "fmt", "pr", "rev", "column", "expand", "source", ".":
		return operands(args, "")
	case "grep", "egrep", "fgrep", "zgrep", "rg", "ag", "ack", "sed", "gsed", "awk", "gawk", "mawk", "jq", "yq":
		return afterPattern(args, optionsWithValue(name))
	case "cp", "scp", "rsync", "install":
		if files := operands(args, ""); len(files) > 1 {
			return files[:len(files)-1]
		}
	case "dd":
		return cutPrefixes(args, "if=")
	case "curl", "wget":
		return uploads(args)
	}
	return nil
}

// operands lists what is neither an option nor the value of one of the options
// with these letters.
func operands(args []string, withValue string) []string {
	var list []string
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--":
			return append(list, args[i+1:]...)
		case len(arg) == 2 && arg[0] == '-' && strings.IndexByte(withValue, arg[1]) >= 0:
			i++
		case !strings.HasPrefix(arg, "-") || arg == "-":
			list = append(list, arg)
		}
	}
	return list
}

// afterPattern lists the files of a command whose first operand is a pattern or
// a program, unless an option gives that.
func afterPattern(args []string, withValue string) []string {
	files := operands(args, withValue)
	for _, arg := range args {
		if arg == "-e" || arg == "-f" || strings.HasPrefix(arg, "--regexp") || strings.HasPrefix(arg, "--expression") || strings.HasPrefix(arg, "--file=") {
			return files
		}
	}
	if len(files) == 0 {
		return nil
	}
	return files[1:]
}

// optionsWithValue are the letters of options whose value is the next word.
func optionsWithValue(name string) string {
	switch name {
	case "sed", "gsed":
		return "ef"
	case "awk", "gawk", "mawk":
		return "Fvf"
	case "jq", "yq":
		return "fL"
	case "rg", "ag", "ack":
		return "ABCmefgtTM"
	}
	return "ABCmefdD"
}

func cutPrefixes(args []string, prefix string) []string {
	var list []string
	for _, arg := range args {
		if rest, ok := strings.CutPrefix(arg, prefix); ok {
			list = append(list, rest)
		}
	}
	return list
}

// uploads lists the files that curl and wget send: @file, name=@file, -T file.
func uploads(args []string) []string {
	files := append(cutPrefixes(args, "--post-file="), cutPrefixes(args, "--body-file=")...)
	for i, arg := range args {
		if _, file, ok := strings.Cut(arg, "@"); ok && !strings.Contains(arg, "://") {
			files = append(files, file)
		}
		if (arg == "-T" || arg == "--upload-file") && i+1 < len(args) {
			files = append(files, args[i+1])
		}
	}
	return files
}
