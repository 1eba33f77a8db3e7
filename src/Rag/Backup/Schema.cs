using System.Data.Common;
using Dapper;

namespace Rag.Backup;

/// <summary>Which migrations a record has seen.</summary>
internal static class Schema
{
    /// <summary>Number of the last one.</summary>
    public static Task<long> VersionAsync(DbConnection connection, CancellationToken ct, DbTransaction? tx = null) =>
        connection.ExecuteScalarAsync<long>(new CommandDefinition("SELECT MAX(\"Version\") FROM \"VersionInfo\"", transaction: tx, cancellationToken: ct));
}
