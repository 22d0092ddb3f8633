package mongosource_test

import "github.com/millweir/millweir/internal/mongofixture"

var (
	serve    = mongofixture.Serve
	raw      = mongofixture.Raw
	numbered = mongofixture.Numbered
	mixedIDs = mongofixture.MixedIDs
)
