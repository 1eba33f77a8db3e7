using FluentMigrator;
using Rag.Storage.Postgres;
using Rag.Storage.Sqlite;

namespace Rag.Storage;

/// <summary>
/// A migration of the record, forward only. Its SQL is shared by the engines but for a few tokens that each replaces:
/// <c>{serial}</c> a key that counts up, <c>{integer}</c> a whole number of 64 bits, <c>{bytes}</c> a string of bytes.
/// </summary>
/// <remarks>
/// Expand, then contract: the release before this one keeps working against the new schema while replicas are replaced
/// one by one. A migration adds tables, columns that may be null or have a default, and indexes; what is no longer used is
/// removed no sooner than in the release after the one that stopped using it.
/// </remarks>
public abstract class RecordMigration : ForwardOnlyMigration
{
    /// <summary>Runs a statement in the dialect of the engine that is migrated.</summary>
    protected void Sql(string shared)
    {
        IfDatabase("sqlite").Execute.Sql(SqliteMigrations.Dialect(shared));
        IfDatabase("postgresql").Execute.Sql(PostgresMigrations.Dialect(shared));
    }
}
