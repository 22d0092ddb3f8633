package main

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// privilege is what a user may do with some resources, as connectionStatus says it
// (https://www.mongodb.com/docs/manual/reference/command/connectionStatus/).
type privilege struct {
	Resource struct {
		DB         string `bson:"db"`
		Collection string `bson:"collection"`
		Cluster    bool   `bson:"cluster"`
		Any        bool   `bson:"anyResource"`
	} `bson:"resource"`
	Actions []string `bson:"actions"`
}

// connectionStatus is what a server says about the user of a connection.
type connectionStatus struct {
	Info struct {
		Users      []bson.Raw  `bson:"authenticatedUsers"`
		Roles      []bson.Raw  `bson:"authenticatedUserRoles"`
		Privileges []privilege `bson:"authenticatedUserPrivileges"`
	} `bson:"authInfo"`
}

// The actions that a backup and a restore need on each database.
var (
	backupActions  = []string{"find", "listCollections", "listIndexes"}
	restoreActions = []string{
		"createCollection", "createIndex", "dropCollection", "find", "insert", "listCollections", "listIndexes",
		"renameCollectionSameDB",
	}
	// Only a restore of a collection with a validator or a limit of time needs them.
	validatorActions = []string{"bypassDocumentValidation", "collMod"}
)

// missing returns those of the actions that no privilege allows on all collections of the database.
func missing(privileges []privilege, database string, actions []string) (lacks []string) {
	for _, action := range actions {
		allowed := slices.ContainsFunc(privileges, func(p privilege) bool {
			whole := p.Resource.Collection == "" && (p.Resource.DB == "" || p.Resource.DB == database)
			return !p.Resource.Cluster && (p.Resource.Any || whole) && slices.Contains(p.Actions, action)
		})
		if !allowed {
			lacks = append(lacks, action)
		}
	}
	return lacks
}
