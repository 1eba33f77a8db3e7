using System.Data.Common;
using Dapper;
using Npgsql;
using Rag.Foundation;

namespace Rag.Indexing.Postgres;

/// <summary>The extension <c>vector</c> (pgvector), of which the index needs half precision and iterative scans.</summary>
internal static class PostgresVectorExtension
{
    private static readonly Version Least = new(0, 8);

    /// <summary>Makes the extension where the server has it and the database has not.</summary>
    /// <exception cref="RagException">Invalid: it is not there, is too old, or this user may not make it.</exception>
    public static async Task RequireAsync(DbConnection connection)
    {
        const string settle = "or set Indexing:Engine to local";
        string? version = await connection.ExecuteScalarAsync<string?>("SELECT extversion FROM pg_extension WHERE extname = 'vector'");
        if (version is null)
        {
            version = await connection.ExecuteScalarAsync<string?>("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'")
                ?? throw new RagException(ErrorKind.Invalid, "Indexing:Engine is postgres, and the PostgreSQL server has no pgvector.", $"Install pgvector {Least} or later on the server, {settle}.");
            try
            {
                await connection.ExecuteAsync("CREATE EXTENSION vector");
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
            {
                throw new RagException(ErrorKind.Invalid, "Indexing:Engine is postgres, and this user may not make the extension vector.", $"Run CREATE EXTENSION vector in the database as an administrator, {settle}.", e);
            }
        }
        if (!Version.TryParse(version, out var found) || found < Least)
            throw new RagException(ErrorKind.Invalid, $"The database has pgvector {version}; searching needs {Least} or later.", $"Install it on the server and run ALTER EXTENSION vector UPDATE, {settle}.");
    }
}
