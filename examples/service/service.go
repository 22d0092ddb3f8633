package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// service handles the requests of customers. A customer's name is the name of their database.
type service struct {
	ctx    context.Context // of the jobs, which outlive their requests
	client *mongo.Client
	open   func(ctx context.Context, customer string) (*backup.Repository, error)
	jobs   *jobs
}

func newService(
	ctx context.Context, client *mongo.Client,
	open func(ctx context.Context, customer string) (*backup.Repository, error),
) *service {
	// One budget for the memory of all jobs, however many customers press the button at once.
	const memory = 512 << 20
	return &service{stream.WithBudget(ctx, stream.NewBudget(memory)), client, open, newJobs()}
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /customers/{customer}/backups", s.answer(s.backUp))
	mux.HandleFunc("GET /customers/{customer}/backups", s.answer(s.list))
	mux.HandleFunc("POST /customers/{customer}/restores", s.answer(s.restore))
	mux.HandleFunc("GET /customers/{customer}/jobs/{job}", s.answer(s.job))
	mux.HandleFunc("GET /customers/{customer}/jobs/{job}/events", s.events)
	return mux
}

// customerName is what may be the name of a database and of a directory.
var customerName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,37}$`)

var errCustomer = errors.New("there is no such customer")

// answer returns a handler that writes the result of f as JSON.
func (s *service) answer(f func(r *http.Request, customer string) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		customer := r.PathValue("customer")
		result, err := any(nil), errCustomer
		if customerName.MatchString(customer) {
			result, err = f(r, customer)
		}
		status := http.StatusOK
		if err != nil {
			status, result = statusOf(err), map[string]string{"error": err.Error()}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(result)
	}
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, errCustomer), errors.Is(err, errNoJob), errors.Is(err, backup.ErrNoBackup):
		return http.StatusNotFound
	case errors.Is(err, errInto), errors.Is(err, errBusy):
		return http.StatusConflict
	}
	return http.StatusInternalServerError
}

// backUp starts a backup of the customer's database.
func (s *service) backUp(r *http.Request, customer string) (any, error) {
	repo, err := s.open(r.Context(), customer)
	if err != nil {
		return nil, err
	}
	return s.jobs.start(customer, func(p *progress) (backup.Report, error) {
		job, err := repo.Backup(s.ctx, s.client, &backup.Options{
			Select:   backup.Select{Include: []string{customer}},
			Progress: p.events.Report,
		})
		if err != nil {
			return backup.Report{}, err
		}
		return backup.Run(s.ctx, job, unitsAtOnce)
	})
}

// unitsAtOnce is how many collections of a customer are read or written at the same time.
const unitsAtOnce = 4

// list returns the customer's backups, the oldest first.
func (s *service) list(r *http.Request, customer string) (any, error) {
	repo, err := s.open(r.Context(), customer)
	if err != nil {
		return nil, err
	}
	return stream.Run(r.Context(), repo.List(), sink.Slice[backup.Manifest]())
}

var errInto = errors.New("into must be the customer's name, - and letters, digits or _")

// ownName is the name of a restored database. No customer's name has its "-", so the database
// belongs to no other customer.
var ownName = regexp.MustCompile(`^([a-z][a-z0-9_]{0,37})-[a-z0-9_]{1,24}$`)

// restore starts a restore into another database of the customer: nothing is replaced. A restore
// that failed goes on if it is started again.
func (s *service) restore(r *http.Request, customer string) (any, error) {
	into := r.FormValue("into")
	if parts := ownName.FindStringSubmatch(into); parts == nil || parts[1] != customer {
		return nil, errInto
	}
	repo, err := s.open(r.Context(), customer)
	if err != nil {
		return nil, err
	}
	view, err := repo.View(r.Context(), r.FormValue("backup"))
	if err != nil {
		return nil, err
	}
	return s.jobs.start(customer, func(p *progress) (backup.Report, error) {
		return backup.Run(s.ctx, view.Restore(s.client, &backup.RestoreOptions{
			Renames:  []backup.RenameRule{{From: customer, To: into}},
			Progress: p.events.Report,
		}), unitsAtOnce)
	})
}

// find returns the progress of the job of a request.
func (s *service) find(r *http.Request, customer string) (*progress, error) {
	number, err := strconv.Atoi(r.PathValue("job"))
	if err != nil {
		return nil, errNoJob
	}
	return s.jobs.find(customer, number)
}

// job returns the state of a job.
func (s *service) job(r *http.Request, customer string) (any, error) {
	p, err := s.find(r, customer)
	if err != nil {
		return nil, err
	}
	return p.read(), nil
}

// events writes the events of a job until it ends, each as a line of JSON. The job never waits for
// a slow connection, which gets fewer events.
func (s *service) events(w http.ResponseWriter, r *http.Request) {
	p, err := s.find(r, r.PathValue("customer"))
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines, flusher := json.NewEncoder(w), http.NewResponseController(w)
	for e, err := range stream.All(r.Context(), p.events) {
		if err != nil || lines.Encode(e) != nil || flusher.Flush() != nil {
			return // the customer has gone
		}
	}
}
