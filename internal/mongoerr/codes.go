package mongoerr

import (
	"slices"

	"github.com/millweir/millweir/stream"
)

// classes maps the servers' error codes to classes
// (https://www.mongodb.com/docs/manual/reference/error-codes/). A missing code is unclassified.
var classes = func() map[int]stream.Class {
	m := map[int]stream.Class{}
	for c, codes := range map[stream.Class][]int{
		stream.Retryable: {
			6,        // HostUnreachable
			7,        // HostNotFound
			24,       // LockTimeout
			43,       // CursorNotFound
			50,       // MaxTimeMSExpired
			63,       // StaleShardVersion
			89,       // NetworkTimeout
			91,       // ShutdownInProgress
			112,      // WriteConflict
			133,      // FailedToSatisfyReadPreference
			134,      // ReadConcernMajorityNotAvailableYet
			150,      // StaleEpoch
			189,      // PrimarySteppedDown
			202,      // NetworkInterfaceExceededTimeLimit
			216,      // ElectionInProgress
			222,      // CloseChangeStream
			234,      // RetryChangeStream
			237,      // CursorKilled
			246,      // SnapshotUnavailable
			249,      // StaleDbVersion
			262,      // ExceededTimeLimit
			272,      // MigrationConflict
			314,      // ObjectIsBusy
			355,      // InterruptedDueToStorageChange
			406,      // MigrationBlockingOperationCoordinatorCleaningUp
			407,      // PooledConnectionAcquisitionExceededTimeLimit
			412,      // UpdatesStillPending
			453,      // InterruptedDueToReshardingCriticalSection
			9001,     // SocketException
			10058,    // LegacyNotPrimary
			10107,    // NotWritablePrimary
			11600,    // InterruptedAtShutdown
			11602,    // InterruptedDueToReplStateChange
			13388,    // StaleConfig
			13435,    // NotPrimaryNoSecondaryOk
			13436,    // NotPrimaryOrSecondary
			56846,    // ConfigServerUnreachable
			91331,    // RetriableRemoteCommandFailure
			10045600, // InterruptedDueToFCVChange
		},
		stream.Throttled: {
			261,   // TooManyLogicalSessions
			365,   // TemporarilyUnavailable
			402,   // ResourceExhausted
			433,   // AdmissionQueueOverflow
			449,   // RateLimitExceeded
			450,   // PooledConnectionAcquisitionRejected
			462,   // IngressRequestRateLimitExceeded
			16500, // of Azure Cosmos DB: the request rate is too high
		},
		stream.Data: {
			22,    // InvalidBSON
			52,    // DollarPrefixedFieldName
			53,    // InvalidIdField
			56,    // EmptyFieldName
			57,    // DottedFieldName
			116,   // DocTooLargeForCapped
			121,   // DocumentValidationFailure
			378,   // NonConformantBSON
			10334, // BSONObjectTooLarge
			11000, // DuplicateKey
			11001, // DuplicateKey of an update
			12582, // DuplicateKey in a capped collection
			17280, // KeyTooLong
		},
		stream.Fatal: {
			2,     // BadValue
			9,     // FailedToParse
			13,    // Unauthorized
			14,    // TypeMismatch
			16,    // InvalidLength
			18,    // AuthenticationFailed
			20,    // IllegalOperation
			26,    // NamespaceNotFound
			59,    // CommandNotFound
			61,    // ShardKeyNotFound
			72,    // InvalidOptions
			73,    // InvalidNamespace
			115,   // CommandNotSupported
			136,   // CappedPositionLost: the documents that the scan would have read next are gone
			148,   // ReadConcernMajorityNotEnabled
			166,   // CommandNotSupportedOnView
			167,   // OptionNotSupportedOnView
			168,   // InvalidPipelineOperator
			175,   // QueryPlanKilled: the collection was dropped or renamed, another scan would be short
			239,   // SnapshotTooOld: another scan would read another snapshot
			260,   // InvalidResumeToken
			263,   // OperationNotSupportedInTransaction
			280,   // ChangeStreamFatalError
			286,   // ChangeStreamHistoryLost
			292,   // QueryExceededMemoryLimitNoDiskUseAllowed
			322,   // APIVersionError
			323,   // APIStrictError
			324,   // APIDeprecationError
			346,   // ChangeStreamInvalidated
			361,   // CollectionUUIDMismatch
			371,   // UserWritesBlocked
			391,   // ReauthenticationRequired
			8000,  // AtlasError
			11601, // Interrupted: an operator killed the operation
			14031, // OutOfDiskSpace
			40413, // IDLDuplicateField
			40414, // IDLFailedToParse
			40415, // IDLUnknownField
		},
	} {
		for _, code := range codes {
			m[code] = c
		}
	}
	return m
}()

// notOfTheDocument are the codes that are fatal even as the error of one document of a write. With
// any other code that is not transient, the document is the reason. For example, a server answers
// BadValue to an _id that is an array.
var notOfTheDocument = []int{13, 18, 20, 26, 61, 73, 166, 371, 8000, 11601, 14031}

// ClassOfWrite returns the class of a code with which a server refused one document of a write.
func ClassOfWrite(code int) stream.Class {
	switch c := classes[code]; {
	case c.Transient() || slices.Contains(notOfTheDocument, code):
		return c
	default:
		return stream.Data
	}
}
