package mongotest_test

import "github.com/millweir/millweir/internal/mongofixture"

var connect = mongofixture.Connect
