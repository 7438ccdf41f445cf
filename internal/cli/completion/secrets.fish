# fish completion for secrets. Install with
#   secrets completion fish >~/.config/fish/completions/secrets.fish

function __secrets_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines (command secrets __complete -- $words[2..-1] 2>/dev/null </dev/null)
    set -l current $words[-1]
    switch "$lines[1]"
        case files command
            __fish_complete_path "$current"
        case dirs
            __fish_complete_directories "$current"
        case '*'
            for line in $lines[2..-1]
                echo $line
            end
    end
    if test "$lines[1]" = command
        __fish_complete_command
    end
end

complete -c secrets -f -a '(__secrets_complete)'
