# bash completion for secrets. Install with
#   secrets completion bash >~/.local/share/bash-completion/completions/secrets
# or have ~/.bashrc say: source <(secrets completion bash)

_secrets() {
	local kind line current=${COMP_WORDS[COMP_CWORD]}
	COMPREPLY=()
	while IFS= read -r line; do
		if [[ -z ${kind-} ]]; then
			kind=$line
		else
			COMPREPLY+=("${line%%$'\t'*}")
		fi
	done < <(command secrets __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null </dev/null)
	case ${kind-} in
	files) compopt -o default ;;
	dirs) compopt -o dirnames ;;
	command)
		compopt -o default
		while IFS= read -r line; do
			COMPREPLY+=("$line")
		done < <(compgen -c -- "$current")
		;;
	esac
	# What readline inserts begins after the last = of the word.
	if [[ $current == *=* && $COMP_WORDBREAKS == *=* && $current != = ]]; then
		COMPREPLY=("${COMPREPLY[@]#"${current%=*}="}")
	fi
}

complete -F _secrets secrets
