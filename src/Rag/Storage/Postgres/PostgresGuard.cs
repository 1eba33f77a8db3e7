using System.Data.Common;
using Dapper;
using Npgsql;

namespace Rag.Storage.Postgres;

/// <summary>
/// Keeps writes out of tables twice over. The rights to write are taken from the user that this product connects as, which no
/// setting of a session brings back; and a trigger refuses whom rights do not bind, superusers and other users. Both stand in
/// the catalogue, so that a transaction with an old snapshot meets them, too.
/// </summary>
internal static class PostgresGuard
{
    /// <summary>SQLSTATE of the trigger's refusal, of a class that the server has not.</summary>
    public const string Refused = "RAG01";

    private const string Trigger = "rag_read_only", Rights = "INSERT, UPDATE, DELETE, TRUNCATE";
    private const int LockSeconds = 30;

    /// <summary>Advisory lock, in the number space of this product's others.</summary>
    private const int GuardLock = 0x52414733;

    public static async Task CloseAsync(DbTransaction tx, IReadOnlyList<string> tables)
    {
        await BeginAsync(tx);
        await tx.Connection!.ExecuteAsync(
            $$"""
            CREATE OR REPLACE FUNCTION {{Trigger}}() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE EXCEPTION 'The record is read-only for maintenance.' USING ERRCODE = '{{Refused}}'; END$$
            """, transaction: tx);
        foreach (string table in tables)
        {
            await WaitAsync(tx, $"CREATE OR REPLACE TRIGGER {Trigger} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {Trigger}()");
            // Not even session_replication_role turns it off.
            await WaitAsync(tx, $"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {Trigger}");
        }
        await tx.Connection!.ExecuteAsync($"REVOKE {Rights} ON {string.Join(", ", tables)} FROM CURRENT_USER", transaction: tx);
    }

    /// <summary>The trigger stays, turned off: taking it away would wait for every reader.</summary>
    public static async Task OpenAsync(DbTransaction tx, IReadOnlyList<string> tables)
    {
        await BeginAsync(tx);
        foreach (string table in await ListAsync(tx.Connection!, CancellationToken.None))
            await WaitAsync(tx, $"ALTER TABLE {table} DISABLE TRIGGER {Trigger}");
        await tx.Connection!.ExecuteAsync($"GRANT {Rights} ON {string.Join(", ", tables)} TO CURRENT_USER", transaction: tx);
    }

    public static async Task<IReadOnlyList<string>> ListAsync(DbConnection connection, CancellationToken ct) => (await connection.QueryAsync<string>(new CommandDefinition(
        """
        SELECT c.relname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE t.tgname = @Trigger AND t.tgenabled <> 'D' AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname COLLATE "C"
        """, new { Trigger }, cancellationToken: ct))).AsList();

    /// <summary>Whether an operation was refused for want of a right on a table, as it is while writes are kept out.</summary>
    public static bool Took(PostgresException e) => e.Routine == "aclcheck_error" && e.MessageText.Contains(" table ", StringComparison.Ordinal);

    /// <summary>
    /// One at a time. Working on a trigger waits for the writers of its table that are under way, table after table in the order
    /// in which writers take them, and lets no new one in before the commit; a lock by its own name takes a right that may be gone.
    /// </summary>
    private static async Task BeginAsync(DbTransaction tx)
    {
        await tx.Connection!.ExecuteAsync($"SET LOCAL lock_timeout = '{LockSeconds}s'; SET LOCAL statement_timeout = '{LockSeconds + 5}s'", transaction: tx);
        await tx.Connection!.ExecuteAsync($"SELECT pg_advisory_xact_lock({GuardLock}, hashtext(current_schema()))", transaction: tx, commandTimeout: LockSeconds + 10);
    }

    private static Task WaitAsync(DbTransaction tx, string sql) => tx.Connection!.ExecuteAsync(sql, transaction: tx, commandTimeout: LockSeconds + 10);
}
