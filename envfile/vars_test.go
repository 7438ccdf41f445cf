package envfile

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckVarAccepts(t *testing.T) {
	for _, name := range strings.Fields(`
		A a _A A1 GITHUB_TOKEN OPENAI_API_KEY AWS_SECRET_ACCESS_KEY NPM_TOKEN GIT_TOKEN
		HTTPS_PROXY http_proxy NO_PROXY PYTHON_TOKEN NODE_AUTH_TOKEN NPM_CONFIG__AUTHTOKEN
		DOCKER_CONFIG MY_PATH PATHS ENVIRONMENT STATUS VERSION HOSTNAME username SECRET
		SECRETSX DATABASE_URL KUBECONFIG SSH_AUTH_SOCK GITHUB_ENV CARGO_REGISTRY_TOKEN`) {
		if err := CheckVar(name); err != nil {
			t.Errorf("refuses %s: %v", name, err)
		}
	}
	if err := CheckVar(strings.Repeat("A", 256)); err != nil {
		t.Error(err)
	}
}

func TestCheckVarRefuses(t *testing.T) {
	for _, name := range strings.Fields(`
		PATH LD_PRELOAD LD_LIBRARY_PATH DYLD_INSERT_LIBRARIES BASH_ENV ENV IFS PS4
		PROMPT_COMMAND NODE_OPTIONS PYTHONSTARTUP PYTHONPATH PERL5OPT RUBYOPT GIT_SSH_COMMAND
		SECRETS_HOME SECRETS_IDENTITY SECRETS_
		path Path ld_preload bash_env Node_Options secrets_home
		PERL5LIB RUBYLIB JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS GIT_SSH GIT_EXEC_PATH
		GIT_CONFIG GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 GIT_CONFIG_GLOBAL
		SHELLOPTS BASHOPTS BASH_FUNC_ls ZDOTDIR FPATH CDPATH SHELL HOME EDITOR PAGER GCONV_PATH
		MAKEFLAGS GOFLAGS RUSTC_WRAPPER LUA_INIT_5_4 DOTNET_STARTUP_HOOKS OPENSSL_CONF fish_user_paths
		RANDOM SECONDS OPTIND UID LINES _ status path module_path`) {
		var refused *VarError
		if err := CheckVar(name); !errors.As(err, &refused) || refused.Name != name || refused.Reason == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckVarGrammar(t *testing.T) {
	for _, name := range []string{
		"", " ", "1A", "A-B", "A.B", "A B", "A=B", "A\n", "\nA", "A\x00", "É", "A\u202e", "$A",
		"A\x1b[31m", strings.Repeat("A", 257),
	} {
		err := CheckVar(name)
		if err == nil {
			t.Errorf("accepts %q", name)
			continue
		}
		if text := err.Error(); len(text) > 200 || strings.ContainsAny(text, "\n\x00\x1b\u202e") {
			t.Errorf("%q is not fit for a terminal", text)
		}
	}
}

// A name in the lists that its own check can never match would be dead.
func TestTakeoverListsAreConsistent(t *testing.T) {
	seen := map[string]bool{}
	for _, group := range takeovers() {
		for name := range strings.FieldsSeq(group.names) {
			plain := strings.TrimSuffix(name, "*")
			if checkGrammar(plain) != "" || plain != strings.ToUpper(plain) || seen[plain] {
				t.Errorf("%s is no name, not in capitals or there twice", name)
			}
			seen[plain] = true
		}
	}
}
