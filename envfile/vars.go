package envfile

import (
	"fmt"
	"slices"
	"strings"
)

// maxVarName bounds names of variables, and with them messages about them.
const maxVarName = 256

// VarError says why a name is refused for an environment variable.
type VarError struct {
	Name, Reason string
}

func (e *VarError) Error() string {
	return fmt.Sprintf("environment variable %.64q: %s", e.Name, e.Reason)
}

// CheckVar returns a *VarError for a name that is not [A-Za-z_][A-Za-z0-9_]*
// of at most 256 bytes, and for one by which a value would take over the
// programs that see it. A project file names the variables and may come from
// anybody, so the second list holds whatever a program runs, loads or reads
// its settings from unasked; it ignores case, since Windows does for all names
// and zsh ties path to PATH.
//
// Variables that programs merely believe, such as proxies, are allowed: they
// are where such secrets belong.
func CheckVar(name string) error {
	if reason := checkGrammar(name); reason != "" {
		return &VarError{name, reason}
	}
	upper := strings.ToUpper(name)
	for _, group := range takeovers() {
		if group.has(upper) {
			return &VarError{name, "it would decide " + group.decides}
		}
	}
	if slices.Contains(keptByShells(), name) {
		return &VarError{name, "shells keep it for themselves, and some run commands in its value"}
	}
	return nil
}

// ValidVar reports whether a name is one that a variable can have, be it good or
// bad for a secret.
func ValidVar(name string) bool { return checkGrammar(name) == "" }

func checkGrammar(name string) (reason string) {
	if name == "" || len(name) > maxVarName {
		return "a name has 1 to 256 characters"
	}
	for i := range len(name) {
		if !isWord(name[i]) {
			return "a name has only letters, digits and _"
		}
	}
	if '0' <= name[0] && name[0] <= '9' {
		return "a name does not begin with a digit"
	}
	return ""
}

// takeover is a group of names, separated by spaces; those that end in * are
// prefixes.
type takeover struct{ decides, names string }

func (t takeover) has(upper string) bool {
	for name := range strings.FieldsSeq(t.names) {
		prefix, isPrefix := strings.CutSuffix(name, "*")
		if upper == name || isPrefix && strings.HasPrefix(upper, prefix) {
			return true
		}
	}
	return false
}

func takeovers() []takeover {
	return []takeover{
		// Where programs are found. FISH_USER_PATHS is put before PATH.
		{"which programs run", "PATH PATHEXT CDPATH FISH_USER_PATHS EXECIGNORE"},
		// The dynamic loaders of Linux, macOS, AIX and HP-UX, and what the C library loads for them.
		{"which libraries are loaded", "LD_* DYLD_* LIBPATH SHLIB_PATH GCONV_PATH GLIBC_TUNABLES LOCPATH NLSPATH"},
		// Files that shells read when they start, and what they look functions and modules up in.
		{"what a shell runs when it starts", "BASH_ENV ENV ZDOTDIR FPATH MODULE_PATH BASH_LOADABLES_PATH BASH_FUNC_* FISH_FUNCTION_PATH FISH_COMPLETE_PATH __FISH_*"},
		// How shells split and expand, and what they run before a prompt or in a trace.
		{"how a shell reads commands", "IFS PS0 PS1 PS2 PS3 PS4 PROMPT_COMMAND SHELLOPTS BASHOPTS POSIXLY_CORRECT GLOBIGNORE BASH_XTRACEFD BASH_COMPAT BASH_ALIASES BASH_CMDS INPUTRC"},
		// The home of everybody's settings, many of which name commands.
		{"where programs find their settings", "HOME SHELL XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_DATA_HOME XDG_DATA_DIRS USERPROFILE APPDATA LOCALAPPDATA"},
		// Windows finds its shell and system libraries through these.
		{"which shell and libraries Windows uses", "COMSPEC SYSTEMROOT WINDIR PSMODULEPATH"},
		// Programs that other programs start.
		{"which program others start", "EDITOR VISUAL PAGER MANPAGER BROWSER LESSOPEN LESSCLOSE SSH_ASKPASS SUDO_ASKPASS SUDO_EDITOR RSYNC_RSH CVS_RSH SVN_SSH"},
		// git's helpers, hooks and settings, which can hold commands.
		{"what git runs", "GIT_CONFIG* GIT_SSH GIT_SSH_COMMAND GIT_EXEC_PATH GIT_ASKPASS GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_PAGER GIT_EXTERNAL_DIFF GIT_PROXY_COMMAND GIT_TEMPLATE_DIR GIT_DIR GIT_COMMON_DIR GIT_WORK_TREE"},
		// node and npm: options that load modules, script shells, settings files.
		{"what node and npm load", "NODE_OPTIONS NODE_PATH NODE_REPL_EXTERNAL_MODULE ELECTRON_RUN_AS_NODE BUN_OPTIONS NPM_CONFIG_NODE_OPTIONS NPM_CONFIG_SCRIPT_SHELL NPM_CONFIG_SHELL NPM_CONFIG_GIT NPM_CONFIG_EDITOR NPM_CONFIG_PREFIX NPM_CONFIG_USERCONFIG NPM_CONFIG_GLOBALCONFIG"},
		{"what python loads", "PYTHONSTARTUP PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONPLATLIBDIR PYTHONPYCACHEPREFIX PYTHONBREAKPOINT PYTHONINSPECT PYTHONEXECUTABLE PYTHONWARNINGS PYTHON_KEYRING_BACKEND PIP_CONFIG_FILE"},
		{"what perl loads", "PERL5OPT PERL5LIB PERLLIB PERL5DB PERL5SHELL"},
		{"what ruby loads", "RUBYOPT RUBYLIB RUBYSHELL GEM_HOME GEM_PATH BUNDLE_GEMFILE BUNDLE_PATH"},
		// Java, its build tools, .NET and its profilers.
		{"what a virtual machine loads", "JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS JDK_JAVAC_OPTIONS JAVA_OPTS JAVA_HOME CLASSPATH MAVEN_OPTS MAVEN_ARGS GRADLE_OPTS SBT_OPTS DOTNET_STARTUP_HOOKS DOTNET_ADDITIONAL_DEPS DOTNET_ROOT CORECLR_ENABLE_PROFILING CORECLR_PROFILER* COR_ENABLE_PROFILING COR_PROFILER* ERL_FLAGS ERL_AFLAGS ERL_ZFLAGS"},
		{"what an interpreter loads", "PHPRC PHP_INI_SCAN_DIR LUA_INIT* LUA_PATH* LUA_CPATH* R_HOME R_PROFILE* R_ENVIRON* R_LIBS* TCLLIBPATH EMACSLOADPATH VIMINIT EXINIT JULIA_LOAD_PATH JULIA_DEPOT_PATH"},
		// Compilers and build tools, and the wrappers and flags by which they run others.
		{"what a build runs", "CC CXX CPP LD MAKEFLAGS GNUMAKEFLAGS MFLAGS MAKEFILES MAKESHELL GOFLAGS GOENV GOROOT GOPATH GOTOOLCHAIN RUSTC RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER RUSTFLAGS RUSTDOC CARGO_BUILD_* CARGO_HOME RUSTUP_TOOLCHAIN CMAKE_TOOLCHAIN_FILE"},
		{"which engines and modules a library loads", "OPENSSL_CONF OPENSSL_ENGINES OPENSSL_MODULES GTK_MODULES GTK_PATH GIO_EXTRA_MODULES QT_PLUGIN_PATH"},
		// Our own settings: a project must not redirect the store or its identity.
		{"how secrets itself works", "SECRETS_*"},
	}
}

// keptByShells are variables that bash, dash, zsh or fish set themselves: a
// value would not arrive. Most are integers, and bash and zsh evaluate what is
// assigned to those, command substitution included. Their case matters, since
// STATUS and VERSION are names like any other.
func keptByShells() []string {
	return strings.Fields(`
		_ UID EUID GID EGID PPID BASHPID USERNAME PWD OLDPWD SHLVL RANDOM SRANDOM SECONDS
		LINENO OPTIND OPTARG OPTERR EPOCHSECONDS EPOCHREALTIME COLUMNS LINES HISTCMD HISTSIZE
		SAVEHIST HISTCHARS FUNCNEST MAILCHECK LISTMAX KEYTIMEOUT KEYBOARD_HACK TMOUT TTYIDLE
		BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_COMMAND BASH_LINENO BASH_SOURCE BASH_SUBSHELL
		BASH_VERSINFO COMP_WORDBREAKS DIRSTACK FUNCNAME GROUPS PIPESTATUS
		ARGC TRY_BLOCK_ERROR TRY_BLOCK_INTERRUPT WATCH ZSH_EVAL_CONTEXT ZSH_SUBSHELL
		aliases argv builtins cdpath commands dirstack dis_aliases dis_builtins dis_functions
		dis_functions_source dis_galiases dis_patchars dis_reswords dis_saliases fignore fpath
		funcfiletrace funcsourcetrace funcstack functions functions_source functrace galiases
		histchars history historywords jobdirs jobstates jobtexts keymaps mailpath manpath
		module_path modules nameddirs options parameters patchars path pipestatus psvar reswords
		saliases signals status termcap terminfo userdirs usergroups watch widgets
		zsh_eval_context zsh_scheduled_events
		FISH_VERSION fish_history fish_kill_signal fish_killring fish_pid hostname
		status_generation umask version`)
}
