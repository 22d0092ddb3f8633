package s3source

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/stream"
)

// partSizes finds the sizes of an object's parts. If the first and the last part and the number of
// parts fit together, all parts before the last have the size of the first. Otherwise each part is
// asked for when its first byte comes.
type partSizes struct {
	object *Object
	count  int
	first  int64
	equal  bool // all parts before the last have the size first

	// askFirst is for replies without an ETag. One such reply must have all bytes of the object, and no
	// request for a size may wait for the connection that it holds. So all sizes are asked for first.
	askFirst bool
	sizes    []int64 // of all parts, if they were asked for

	head headPart

	// repeating returns a head that repeats a request that fails. All requests of one such head have
	// one RetryTimeout.
	repeating func() headPart
}

// headPart sends a HEAD for a part.
type headPart func(part int) (*s3.HeadObjectOutput, error)

// find asks for the first and the last part. An error means that the service does not state the
// sizes.
func (s *partSizes) find() error {
	first, err := s.ask(1, s.head)
	if err != nil {
		return err
	}
	last := first
	if s.count > 1 {
		if last, err = s.ask(s.count, s.head); err != nil {
			return err
		}
	}
	s.first = first
	s.equal = first*int64(s.count-1)+last == s.object.Size
	if s.askFirst && !s.equal {
		return s.askAll(last)
	}
	return nil
}

// askAll asks for the parts between the first and the last. A request that fails is repeated alone:
// there may be thousands before it.
func (s *partSizes) askAll(last int64) error {
	sizes := []int64{s.first}
	for part := 2; part < s.count; part++ {
		size, err := s.ask(part, s.repeating())
		switch {
		case errors.Is(err, ErrBadReply): // the service keeps giving it
			return errNoSizes
		case err != nil:
			return fatal{err} // its time is spent
		}
		sizes = append(sizes, size)
	}
	s.sizes = append(sizes, last)
	return nil
}

// known reports whether size sends no request.
func (s *partSizes) known() bool { return s.equal || s.sizes != nil }

var errNoSizes = stream.Mark(errors.New("the service does not state the sizes of the object's parts"), stream.Fatal)

// ask returns the size of a part in the reply to head.
func (s *partSizes) ask(part int, head headPart) (int64, error) {
	out, err := head(part)
	switch {
	case err != nil:
		return 0, err
	case aws.ToString(out.ETag) != s.object.ETag:
		return 0, fatal{ErrObjectChanged}
	case out.ContentLength == nil, *out.ContentLength < 1, *out.ContentLength > s.object.Size,
		out.PartsCount != nil && int(*out.PartsCount) != s.count,
		s.count > 1 && *out.ContentLength == s.object.Size: // the service ignores partNumber
		return 0, errNoSizes
	}
	return *out.ContentLength, nil
}

// size returns the size of a part. It is for a verifier.
func (s *partSizes) size(part int) (int64, error) {
	switch {
	case part > s.count:
		return 0, fatal{stream.Mark(fmt.Errorf("%w: it has more bytes than its %d parts", ErrChecksum, s.count),
			stream.Fatal)}
	case s.equal:
		return s.first, nil
	case s.sizes != nil:
		return s.sizes[part-1], nil
	}
	return s.ask(part, s.repeating())
}

// confirm returns an error if a part between the first and the last has another size than the
// first. It is called only after the checksums differed, and then damage is more likely. So it asks
// for at most maxConfirmed parts, evenly spread, within one RetryTimeout, and gives up if a request
// fails.
func (s *partSizes) confirm() error {
	head := s.repeating()
	for part := 2; s.equal && part < s.count; part += (s.count + maxConfirmed - 1) / maxConfirmed {
		switch size, err := s.ask(part, head); {
		case err != nil:
			return nil //nolint:nilerr // the size is unknown, so it contradicts nothing
		case size != s.first:
			return fmt.Errorf("%w: part 1 has %d bytes and part %d has %d", ErrNotVerifiable, s.first, part, size)
		}
	}
	return nil
}

// maxConfirmed is the greatest number of parts whose size is confirmed.
const maxConfirmed = 100
