package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// groupLog records the flows of a GroupBy.
type groupLog struct {
	mu         sync.Mutex
	open, most int
	opened     []int // the keys, in order
}

// group is a flow that emits its elements as one slice when it completes, with a delay, as a file
// does.
func (l *groupLog) group(key int) stream.Flow[int, []int] {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened = append(l.opened, key)
	l.open++
	l.most = max(l.most, l.open)
	return stream.ResultOf(
		stream.SinkFunc[int, []int](func(ctx context.Context, src stream.Source[int]) ([]int, error) {
			var all []int
			err := src.Each(ctx, func(v int) error { all = append(all, v); return nil })
			time.Sleep(time.Millisecond)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.open--
			return all, err
		}))
}

// grouped runs ints through groups; the key of n is n/10.
func grouped(t *testing.T, src stream.Source[int], n int, l *groupLog, opts *stream.GroupByOptions) ([][]int, error) {
	got, err := stream.Run(t.Context(), stream.Via(src, stream.GroupBy(n, func(v int) int { return v / 10 },
		func(k int) stream.Flow[int, []int] { return l.group(k) }, opts)), sink.Slice[[]int]())
	slices.SortFunc(got, slices.Compare)
	return got, err
}

// apart emits vs one second apart, so that each is done before the next.
func apart(vs ...int) stream.Source[int] { return stream.Via(source.Of(vs...), pause(time.Second)) }

func TestGroupByEvicts(t *testing.T) {
	evict := &stream.GroupByOptions{EvictOldest: true}
	for name, tt := range map[string]struct {
		src    stream.Source[int]
		opts   *stream.GroupByOptions
		want   [][]int
		opened []int
		err    error
	}{
		"room for all": {apart(10, 20, 11, 21), evict, [][]int{{10, 11}, {20, 21}}, []int{1, 2}, nil},
		"the oldest goes": {
			apart(10, 20, 30, 11), evict,
			[][]int{{10}, {11}, {20}, {30}},
			[]int{1, 2, 3, 1},
			nil,
		},
		"use makes young": {
			apart(10, 20, 11, 30, 12), evict,
			[][]int{{10, 11, 12}, {20}, {30}},
			[]int{1, 2, 3},
			nil,
		},
		"one too many": {apart(10, 20, 30), nil, nil, []int{1, 2}, stream.ErrLimit},
		"idle ones go": {
			apart(10, 20, 11, 21, 12), &stream.GroupByOptions{Idle: 1500 * time.Millisecond},
			[][]int{{10}, {11}, {12}, {20}, {21}},
			[]int{1, 2, 1, 2, 1},
			nil,
		},
		"idle ones make room": {
			apart(10, 20, 30, 40), &stream.GroupByOptions{Idle: 1500 * time.Millisecond},
			[][]int{{10}, {20}, {30}, {40}},
			[]int{1, 2, 3, 4},
			nil,
		},
		"none is idle": {
			apart(10, 11, 12), &stream.GroupByOptions{Idle: 1500 * time.Millisecond},
			[][]int{{10, 11, 12}},
			[]int{1},
			nil,
		},
		"idle at the very moment": {apart(10, 11, 12), &stream.GroupByOptions{Idle: time.Second}, nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l groupLog
				got, err := grouped(t, tt.src, 2, &l, tt.opts)
				if tt.want == nil && tt.err == nil { // whichever comes first
					if all := slices.Concat(got...); err != nil || !slices.Equal(all, []int{10, 11, 12}) {
						t.Errorf("%v, %v", got, err)
					}
					return
				}
				if !errors.Is(err, tt.err) || err == nil && !slices.EqualFunc(got, tt.want, slices.Equal) ||
					!slices.Equal(l.opened, tt.opened) || l.most > 2 {
					t.Errorf("%v, %v, opened %v, %d at once; want %v, %v, opened %v",
						got, err, l.opened, l.most, tt.want, tt.err, tt.opened)
				}
				if err != nil && stream.ClassOf(err) != stream.Fatal {
					t.Errorf("the class is %v", stream.ClassOf(err))
				}
			})
		})
	}
}

// A key opens a new flow after its flow has ended early. No element is lost, wherever the flow
// ends.
func TestGroupByOpensAFinishedKeyAgain(t *testing.T) {
	for _, n := range []int{1, 2, 3, 16, 17, 100} {
		var l groupLog
		pairs := func(k int) stream.Flow[int, []int] { return stream.Then(stream.Take[int](n), l.group(k)) }
		got, err := stream.Run(t.Context(),
			stream.Via(count(100), stream.GroupBy(1, func(int) int { return 0 }, pairs, nil)), sink.Slice[[]int]())
		if all := slices.Concat(got...); err != nil || len(all) != 100 ||
			!slices.IsSorted(all) || len(got) != (100+n-1)/n {
			t.Errorf("groups of %d: %v, %v", n, got, err)
		}
	}
}

// Whether groups are evicted, idle or end early, each element comes out once, in order within its
// key, and the number of open groups stays within the limit.
func TestGroupByLosesNothing(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			n, keys := 1+r.IntN(4), 1+r.IntN(8)
			opts := &stream.GroupByOptions{EvictOldest: true, Idle: time.Duration(r.IntN(3)) * time.Millisecond}
			vs := make([]int, 200)
			for i := range vs {
				vs[i] = i*10 + r.IntN(keys)
			}
			src := stream.Via(source.Of(vs...), stream.Map(func(v int) int {
				if v%7 == 0 {
					time.Sleep(time.Duration(v%5) * 500 * time.Microsecond)
				}
				return v
			}))
			var l groupLog
			most := 1 + r.IntN(9)
			open := func(k int) stream.Flow[int, []int] { return stream.Then(stream.Take[int](most), l.group(k)) }
			got, err := stream.Run(t.Context(),
				stream.Via(src, stream.GroupBy(n, func(v int) int { return v % 10 }, open, opts)), sink.Slice[[]int]())
			last, all := map[int]int{}, 0
			for _, vs := range got {
				for _, v := range vs {
					if before, ok := last[v%10]; ok && before >= v {
						t.Errorf("seed %d: %d comes after %d", seed, v, before)
					}
					last[v%10] = v
					all++
				}
			}
			if err != nil || all != len(vs) || l.most > n {
				t.Errorf("seed %d: %d of %d elements, %d of %d groups at once, %v", seed, all, len(vs), l.most, n, err)
			}
		})
	}
}

// A flow that takes no element would lose it, so it fails the run.
func TestGroupByRefusesAFlowThatTakesNothing(t *testing.T) {
	none := func(int) stream.Flow[int, int] { return stream.Take[int](0) }
	if got, err := stream.Run(t.Context(), stream.Via(count(3), stream.GroupBy(9, self, none, nil)),
		sink.Slice[int]()); err == nil || stream.ClassOf(err) != stream.Fatal {
		t.Errorf("%v, %v", got, err)
	}
}

// A run that waits for a group to make room fails if that group fails.
func TestGroupByEvictedGroupFails(t *testing.T) {
	fails := stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
		return 0, errors.Join(src.Each(ctx, func(int) error { return nil }), errBoom)
	})
	open := func(int) stream.Flow[int, int] { return stream.ResultOf(fails) }
	_, err := stream.Run(t.Context(), stream.Via(count(5),
		stream.GroupBy(2, self, open, &stream.GroupByOptions{EvictOldest: true})), sink.Slice[int]())
	if !errors.Is(err, errBoom) {
		t.Error(fmt.Sprint(err))
	}
}
