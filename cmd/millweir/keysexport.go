package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

func (a *app) keysExport() *cobra.Command {
	var store storeFlags
	var keys keyFlags
	var secrets bool
	cmd := &cobra.Command{
		Use:   "export REPO",
		Short: "Print a recovery kit: what one needs to read the repository by hand",
		Long: `export prints a text to keep elsewhere, also on paper: where the repository is, its public keys, its encrypted keys, and
how to read a backup with age and gunzip alone. It has no secret, unless --with-secrets adds the files of --identity and
--signing-key.`,
		Example: `  millweir keys export s3://backups/tenant-7 --trust sign.key.pub > kit.txt`,
		Args:    a.takesRepo(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			location, _ := a.repoAndRest(args)
			r, at, err := a.open(cmd.Context(), location, &store, &keys)
			if err != nil {
				return err
			}
			kit, err := r.RecoveryKit(cmd.Context(), at.name)
			if err != nil {
				return a.explain(at, err)
			}
			if secrets {
				if kit, err = keys.addSecrets(kit); err != nil {
					return err
				}
			}
			return a.result(struct {
				Kit string `json:"kit"`
			}{kit}, kit)
		},
	}
	keys.bindReader(cmd.Flags())
	cmd.Flags().BoolVar(&secrets, "with-secrets", false, "add the files of --identity and --signing-key")
	store.bind(cmd.Flags())
	return cmd
}

// addSecrets adds the files of secret keys to a recovery kit.
func (k *keyFlags) addSecrets(kit string) (string, error) {
	if k.identity == "" && k.signingKey == "" {
		return "", cli.Usagef("--with-secrets needs --identity, --signing-key or both")
	}
	for _, file := range []struct{ flag, name string }{{"--identity", k.identity}, {"--signing-key", k.signingKey}} {
		if file.name == "" {
			continue
		}
		text, err := cli.ReadSecret(file.flag, file.name)
		if err != nil {
			return "", err
		}
		kit += fmt.Sprintf("\nSECRET %s:\n%s\n", file.name, text)
	}
	return kit, nil
}
