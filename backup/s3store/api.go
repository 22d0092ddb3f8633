package s3store

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/s3source"
)

// API is the part of *s3.Client that a [Store] uses.
type API interface {
	s3sink.API
	s3sink.DeleteAPI
	s3sink.LockAPI
	s3sink.PendingAPI
	s3source.API
	s3source.ListAPI
	s3source.ListVersionsAPI

	HeadBucket(context.Context, *s3.HeadBucketInput, ...func(*s3.Options)) (*s3.HeadBucketOutput, error)
	GetBucketVersioning(context.Context, *s3.GetBucketVersioningInput, ...func(*s3.Options)) (
		*s3.GetBucketVersioningOutput, error)
	GetObjectLockConfiguration(context.Context, *s3.GetObjectLockConfigurationInput, ...func(*s3.Options)) (
		*s3.GetObjectLockConfigurationOutput, error)
}
