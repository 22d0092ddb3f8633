package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

// fill gives flags that are not on the command line the values of the environment, or else of the
// configuration file.
func (a *app) fill(flags *pflag.FlagSet) error {
	if err := a.fromEnvironment(flags); err != nil {
		return err
	}
	if a.config == "" {
		return nil
	}
	values, err := readConfig(a.config)
	if err != nil {
		return err
	}
	for name, all := range values {
		if !a.known[name] {
			return cli.Usagef("--config %s: no command has a flag %s", a.config, cli.Foreign(name))
		}
		f := flags.Lookup(name)
		if f == nil || f.Changed { // a flag of another command, or given otherwise
			continue
		}
		if _, repeats := f.Value.(pflag.SliceValue); len(all) > 1 && !repeats {
			return cli.Usagef("--config %s: %s takes one value, and not a list", a.config, name)
		}
		for _, value := range all {
			a.filled[name] = true
			if err := flags.Set(name, value); err != nil {
				return cli.Usagef("%s: %s: %w", a.config, name, err)
			}
		}
	}
	return nil
}

// variable returns the name of the environment variable of a flag.
func variable(flag string) string {
	return "MILLWEIR_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// learnFlags notes the flags of a command and of its commands.
func (a *app) learnFlags(cmd *cobra.Command) {
	for _, flags := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
		flags.VisitAll(func(f *pflag.Flag) { a.known[f.Name] = true })
	}
	for _, sub := range cmd.Commands() {
		a.learnFlags(sub)
	}
}

// passwordVariable is the one variable that is not for a flag.
const passwordVariable = "MILLWEIR_SIGNING_PASSWORD"

// unknownVariable returns the name of a variable that is for no flag, or "".
func (a *app) unknownVariable() string {
	variables := map[string]bool{passwordVariable: true}
	for name := range a.known {
		variables[variable(name)] = true
	}
	for _, assignment := range os.Environ() {
		name, _, _ := strings.Cut(assignment, "=")
		if strings.HasPrefix(name, variable("")) && !variables[name] && !ofKubernetes(name) {
			return name
		}
	}
	return ""
}

// ofKubernetes reports whether Kubernetes sets the variable in every container if a Service has the name
// millweir.
func ofKubernetes(name string) bool {
	return strings.HasPrefix(name, variable("service-")) || name == variable("port") ||
		strings.HasPrefix(name, variable("port-"))
}

func (a *app) fromEnvironment(flags *pflag.FlagSet) error {
	if name := a.unknownVariable(); name != "" {
		return cli.Usagef("the variable %s is for no flag of any command: correct its name, or unset it",
			cli.Foreign(name))
	}
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		value, ok := os.LookupEnv(variable(f.Name))
		if !ok || f.Changed || f.Name == "help" || f.Name == "version" {
			return
		}
		a.filled[f.Name] = true
		if err := flags.Set(f.Name, value); err != nil {
			failed = errors.Join(failed, cli.Usagef("%s: %w", variable(f.Name), err))
		}
	})
	return failed
}

// readConfig reads the flags of a configuration file. A flag that may be repeated can have a list.
func readConfig(file string) (map[string][]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, cli.Usagef("--config: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened only for reading
	const most = 1 << 20
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, cli.Usagef("--config: %w", err)
	}
	if len(text) > most {
		return nil, cli.Usagef("--config %s: it has more than 1 MiB", file)
	}
	var raw map[string]any
	if err := yaml.Unmarshal(text, &raw); err != nil {
		return nil, cli.Usagef("--config %s: want lines such as \"parallel: 4\": %s", file, cli.Foreign(err.Error()))
	}
	values := map[string][]string{}
	for name, value := range raw {
		if slices.Contains([]string{"config", "help", "version"}, name) {
			return nil, cli.Usagef("--config %s: %s cannot be set in a file", file, name)
		}
		list, isList := value.([]any)
		if !isList {
			list = []any{value}
		}
		for _, one := range list {
			switch one.(type) {
			case string, int, bool, float64:
				values[name] = append(values[name], fmt.Sprint(one))
			default:
				return nil, cli.Usagef("--config %s: %s is neither a text, a number, true, false, nor a list of these: "+
					"put a date in quotes", file, name)
			}
		}
	}
	return values, nil
}
