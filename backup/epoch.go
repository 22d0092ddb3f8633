package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// An epoch is a key pair. What a repository stores is encrypted for the recipient of its newest
// epoch. The identity is stored once for each tenant key, encrypted for it: an envelope.
const (
	epochsPrefix   = "keys/"
	recipientName  = "recipient"
	envelopeSuffix = ".age"
)

// newEpoch makes an epoch that the keys' recipients read. The epoch appears with its recipient,
// which is stored last, so that nothing is encrypted for a key without an envelope.
func (r *Repository) newEpoch(ctx context.Context) error {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	names, _, err := r.epochs(ctx)
	if err != nil {
		return err
	}
	epoch := newName(after(r.now(), names))
	if err := r.putEnvelopes(ctx, epoch, identity.String(), 0); err != nil {
		return err
	}
	return r.putSigned(ctx, epochsPrefix+epoch+"/"+recipientName, []byte(identity.Recipient().String()+"\n"),
		"epoch "+epoch)
}

// after returns now, or the second after the last of the names: the newest epoch has the last name,
// also if a clock is behind.
func after(now time.Time, names []string) time.Time {
	if len(names) == 0 {
		return now
	}
	if last, ok := parseName(names[len(names)-1]); ok && now.Before(last.Add(time.Second)) {
		return last.Add(time.Second)
	}
	return now
}

// putEnvelopes stores the epoch's secret for each recipient of the keys, with numbers from first.
func (r *Repository) putEnvelopes(ctx context.Context, epoch, secret string, first int) error {
	for i, recipient := range r.keys.Recipients {
		err := put(ctx, r.store, envelopeKey(epoch, first+i), []byte(secret+"\n"), agecodec.Encrypt(recipient))
		if err != nil {
			return err
		}
	}
	return nil
}

func envelopeKey(epoch string, n int) string {
	return fmt.Sprintf("%s%s/%d%s", epochsPrefix, epoch, n, envelopeSuffix)
}

// allEpochs is epochs for an encrypted repository, which has at least one.
func (r *Repository) allEpochs(ctx context.Context) (names []string, envelopes map[string][]string, _ error) {
	if r.plain {
		return nil, nil, ErrPlain
	}
	names, envelopes, err := r.epochs(ctx)
	if err == nil && len(names) == 0 {
		err = ErrUnfinished
	}
	return names, envelopes, err
}

// epochs returns the names of the epochs, the oldest first, and the keys of the envelopes of each. A
// name without a recipient, which an unfinished Init leaves, is left out.
func (r *Repository) epochs(ctx context.Context) (names []string, envelopes map[string][]string, _ error) {
	envelopes = map[string][]string{}
	_, err := stream.Run(ctx, r.store.List(epochsPrefix), sink.ForEach(func(_ context.Context, o Object) error {
		epoch, name := path.Split(strings.TrimPrefix(o.Key, epochsPrefix))
		epoch = strings.TrimSuffix(epoch, "/")
		switch {
		case !isName(epoch):
		case name == recipientName:
			names = append(names, epoch)
		case strings.HasSuffix(name, envelopeSuffix):
			envelopes[epoch] = append(envelopes[epoch], o.Key)
		}
		return nil
	}))
	if err != nil {
		return nil, nil, err
	}
	return names, envelopes, nil
}

// recipientOf returns the recipient of an epoch.
func (r *Repository) recipientOf(ctx context.Context, epoch string) (*age.X25519Recipient, error) {
	key := epochsPrefix + epoch + "/" + recipientName
	text, err := r.getSigned(ctx, key, "epoch "+epoch)
	if err != nil {
		return nil, err
	}
	recipient, err := age.ParseX25519Recipient(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, stream.Mark(failed(key, errors.New("it is no recipient of age")), stream.Data)
	}
	return recipient, nil
}

// identity returns the identity of an epoch. It tries all envelopes, because it does not know which
// is for whom. Hide it before it is kept: it prints its key.
func (r *Repository) identity(ctx context.Context, epoch string) (*age.X25519Identity, error) {
	recipient, err := r.recipientOf(ctx, epoch)
	if err != nil {
		return nil, err
	}
	secret, err := r.secret(ctx, epoch)
	if err != nil {
		return nil, err
	}
	identity, err := age.ParseX25519Identity(strings.TrimSpace(string(secret)))
	if err != nil || identity.Recipient().String() != recipient.String() {
		return nil, stream.Mark(failed(epochsPrefix+epoch, errors.New("its identity and its recipient are not a pair")),
			stream.Data)
	}
	return identity, nil
}

// secret returns the content of the first envelope that the keys open. If an envelope was deleted
// since the list, it lists them again: a rekey has stored others before.
func (r *Repository) secret(ctx context.Context, epoch string) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		_, envelopes, err := r.epochs(ctx)
		if err != nil {
			return nil, err
		}
		if len(envelopes[epoch]) == 0 {
			return nil, failed(epochsPrefix+epoch, ErrShredded)
		}
		if len(r.keys.Identities) == 0 {
			return nil, failed(epochsPrefix+epoch, ErrNoKey)
		}
		secret, err := r.open(ctx, envelopes[epoch])
		if errors.Is(err, ErrNotFound) && attempt < secretAttempts {
			continue
		}
		if errors.Is(err, ErrNotFound) || errors.Is(err, agecodec.ErrNoMatch) {
			err = failed(epochsPrefix+epoch, ErrNoKey)
		}
		return secret, err
	}
}

// secretAttempts is how often the envelopes of an epoch are listed, if some are deleted meanwhile.
const secretAttempts = 10

// open returns the content of the first envelope that the keys open. Otherwise the error says that
// one is damaged, or that one was deleted, or that all are for others.
func (r *Repository) open(ctx context.Context, envelopes []string) ([]byte, error) {
	var damaged, deleted error
	for _, key := range envelopes {
		secret, err := get(ctx, r.store, key, agecodec.DecryptWhole(r.keys.Identities...))
		switch {
		case err == nil:
			return secret, nil
		case errors.Is(err, agecodec.ErrNoMatch):
		case errors.Is(err, ErrNotFound):
			deleted = err
		case stream.ClassOf(err) == stream.Data:
			damaged = errors.Join(damaged, failed(key, err))
		default:
			return nil, err
		}
	}
	return nil, cmp.Or(damaged, deleted, error(agecodec.ErrNoMatch))
}
