#compdef secrets
# zsh completion for secrets. Install with
#   secrets completion zsh >"${fpath[1]}/_secrets"
# or have ~/.zshrc say, after compinit: source <(secrets completion zsh)

_secrets() {
	local kind line word
	local -a found shown
	while IFS= read -r line; do
		if [[ -z $kind ]]; then
			kind=$line
			continue
		fi
		word=${line%%$'\t'*}
		found+=("$word")
		shown+=("$word  ${line#*$'\t'}")
	done < <(command secrets __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null </dev/null)
	case $kind in
	files) _files ;;
	dirs) _files -/ ;;
	command)
		local at=${words[(i)--]}
		shift at words
		((CURRENT -= at))
		_normal
		;;
	*) ((${#found})) && compadd -l -d shown -- "${found[@]}" ;;
	esac
}

if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
	_secrets "$@"
else
	compdef _secrets secrets
fi
