using System.Data.Common;
using Dapper;
using Rag.Audit;
using Rag.Storage;

namespace Rag.Bench.Verify.Protect;

/// <summary>
/// Random changes to a signed audit record by somebody who may do everything to its database, and has neither the key file nor
/// the checkpoints outside. Each is made in a transaction, looked for by the verification that ships, and taken back.
/// </summary>
internal static class AuditTamperCheck
{
    private const int Changes = 10_000, QuickChanges = 210, Rounds = 4;

    private static readonly string[] Tables = ["audit_subjects", "audit_records", "audit_tree", "audit_nodes", "audit_checkpoints", "audit_segments", "audit_holds"];

    /// <summary>Everything that is in the tables of the record.</summary>
    private sealed record Dump(IReadOnlyDictionary<string, IReadOnlyList<IDictionary<string, object?>>> Rows);

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        string[] engines = context.Quick ? ["sqlite"] : ["sqlite", "postgres"];
        if (engines.FirstOrDefault(e => !AuditLog.Has(e)) is { } absent) throw new CannotMeasureException($"{absent} is not installed");
        int changes = context.Quick ? QuickChanges : Changes, seed = Environment.TickCount;
        var undetected = new List<string>();
        int made = 0;
        foreach (string engine in engines)
        {
            await using var log = await AuditLog.CreateAsync(engine, ct);
            var dumps = new List<Dump>();
            for (int round = 0; round < Rounds; round++)
            {
                await log.GrowAsync(round, ct);
                if (round == 1) await log.Get<AuditKeeping>().EraseAsync(new("user:u-3"), ct);
                await using var connection = await log.Get<Database>().OpenAsync(ct);
                dumps.Add(await DumpAsync(connection));
            }
            // What was set back lacks at least this.
            await log.GrowAsync(Rounds, ct);
            await IntactAsync(log, ct);
            var random = new Random(seed);
            var notes = log.Notes;
            for (int n = 0; n < changes; n++)
            {
                await using var connection = await log.Get<Database>().OpenAsync(ct);
                await using var tx = await connection.BeginTransactionAsync(ct);
                string what = await ChangeAsync(log.Get<Database>(), tx, n % 7, random, dumps);
                var result = await log.Get<AuditVerifier>().VerifyAsync(connection, tx, notes, ct);
                made++;
                if (result.Intact) undetected.Add($"{engine}: {what}");
                await tx.RollbackAsync(ct);
            }
            // What was found must have been the changes.
            await IntactAsync(log, ct);
        }
        if (engines.Contains("postgres")) await Testing.PostgresServer.DisposeSharedAsync();
        string note = $"{made} changes in equal parts: flip, delete, insert, reorder, truncate, fork, roll back; on {string.Join(" and ", engines)}; seed {seed}";
        if (undetected.Count > 0) note += $"; not found: {string.Join(" | ", undetected.Distinct().Take(10))}";
        return new(undetected.Count, context.Quick ? $"{note}; smaller: {QuickChanges} changes of {Changes}, one engine of two" : note);
    }

    private static async Task IntactAsync(AuditLog log, CancellationToken ct)
    {
        await using var connection = await log.Get<Database>().OpenAsync(ct);
        var result = await log.Get<AuditVerifier>().VerifyAsync(connection, null, log.Notes, ct);
        if (!result.Intact || result.Checkpoints < Rounds || result.Unsequenced > 0) throw new CannotMeasureException($"the record is not whole before it is changed: {string.Join("; ", result.Problems)}");
    }

    private static Task<string> ChangeAsync(Database database, DbTransaction tx, int kind, Random random, List<Dump> dumps) => kind switch
    {
        0 => FlipAsync(tx, random),
        1 => DeleteAsync(tx, random),
        2 => InsertAsync(tx, random),
        3 => ReorderAsync(tx, random),
        4 => TruncateAsync(tx, random),
        5 => ForkAsync(tx, random),
        _ => RollBackAsync(database, tx, random, dumps),
    };

    /// <summary>One value of one row becomes another.</summary>
    private static async Task<string> FlipAsync(DbTransaction tx, Random random)
    {
        (string Table, string Key, string[] Columns)[] choices =
        [
            ("audit_records", "no", ["id", "at", "category", "action", "outcome", "subject", "resource", "envelope", "mac", "leaf_index", "leaf_hash"]),
            ("audit_nodes", "place", ["hash", "level"]), ("audit_tree", "id", ["size", "peaks"]), ("audit_checkpoints", "size", ["note", "size"]), ("audit_subjects", "id", ["owner", "wrapped_key", "id"]),
        ];
        // Records more often than the rest, as there are more of them.
        var (table, key, columns) = choices[Math.Max(0, random.Next(-6, choices.Length))];
        string column = columns[random.Next(columns.Length)];
        var rows = (await tx.Connection!.QueryAsync($"SELECT {key} AS k, {column} AS v FROM {table} WHERE {column} IS NOT NULL ORDER BY {key}", transaction: tx)).Cast<IDictionary<string, object?>>().ToList();
        var row = rows[random.Next(rows.Count)];
        object value = row["v"] switch
        {
            byte[] bytes => Flipped(bytes, random),
            long number => number + (random.Next(2) == 0 ? 1 : -1) * random.Next(1_000, 1_000_000),
            string text => Changed(text, random),
            var other => throw new InvalidOperationException($"{table}.{column} is {other}"),
        };
        await tx.Connection!.ExecuteAsync($"UPDATE {table} SET {column} = @value WHERE {key} = @k AND {column} = @v", new { value, k = row["k"], v = row["v"] }, tx);
        return $"flip of {table}.{column}";
    }

    private static async Task<string> DeleteAsync(DbTransaction tx, Random random)
    {
        string[] choices = ["audit_records", "audit_records", "audit_records", "audit_nodes", "audit_checkpoints", "audit_subjects", "audit_tree", "audit_segments"];
        string table = choices[random.Next(choices.Length)];
        string key = table switch { "audit_records" => "leaf_index", "audit_nodes" => "place", "audit_checkpoints" => "size", "audit_segments" => "first_leaf", _ => "id" };
        var keys = (await tx.Connection!.QueryAsync($"SELECT {key} AS k FROM {table} ORDER BY {key}", transaction: tx)).Cast<IDictionary<string, object?>>().Select(r => r["k"]).ToList();
        int count = random.Next(3) == 0 ? random.Next(1, keys.Count + 1) : 1;
        foreach (object? k in keys.OrderBy(_ => random.Next()).Take(count).ToList()) await tx.Connection!.ExecuteAsync($"DELETE FROM {table} WHERE {key} = @k", new { k }, tx);
        return $"delete from {table}";
    }

    /// <summary>A record that was never made: as another's copy, of made-up content, or in the middle with what follows moved up.</summary>
    private static async Task<string> InsertAsync(DbTransaction tx, Random random)
    {
        var records = await RecordsAsync(tx);
        var like = records[random.Next(records.Count)];
        int how = random.Next(4);
        if (how == 0)
        {
            await tx.Connection!.ExecuteAsync("INSERT INTO audit_nodes (level, place, hash) VALUES (@level, @place, @hash)", new { level = (long)random.Next(1, 12), place = (long)random.Next(1_000, 2_000), hash = Merkle.EmptyRoot }, tx);
            return "insert of a node";
        }
        string id = $"00000000-0000-7000-8000-{random.NextInt64(1L << 40):x12}";
        byte[] envelope = how < 3 ? like.Envelope : (Envelope.Parse(like.Envelope)! with { Id = id }).Bytes();
        byte[] mac = random.Next(2) == 0 ? like.Mac : Flipped(like.Mac, random);
        await tx.Connection!.ExecuteAsync(
            "INSERT INTO audit_records (id, at, category, action, outcome, subject, resource, envelope, mac) SELECT @id, at, category, action, outcome, subject, resource, @envelope, @mac FROM audit_records WHERE leaf_index = @Index", new { id, envelope, mac, like.Index }, tx);
        if (random.Next(2) == 0) return "insert without a place";
        long no = await tx.Connection!.ExecuteScalarAsync<long>("SELECT no FROM audit_records WHERE id = @id", new { id }, tx);
        records.Insert(random.Next(records.Count + 1), new(no, -1, envelope, mac));
        await RemakeAsync(tx, records);
        return "insert into the tree";
    }

    /// <summary>Two records change places, as they are or with everything made anew around them.</summary>
    private static async Task<string> ReorderAsync(DbTransaction tx, Random random)
    {
        var records = await RecordsAsync(tx);
        int a = random.Next(records.Count), b = (a + random.Next(1, records.Count)) % records.Count;
        (records[a], records[b]) = (records[b], records[a]);
        if (random.Next(2) == 0)
        {
            await RemakeAsync(tx, records);
            return "reorder with the tree made anew";
        }
        await tx.Connection!.ExecuteAsync("UPDATE audit_records SET leaf_index = leaf_index + 1000000 WHERE leaf_index IN (@a, @b)", new { a = (long)a, b = (long)b }, tx);
        await tx.Connection!.ExecuteAsync("UPDATE audit_records SET leaf_index = CASE WHEN leaf_index = 1000000 + @a THEN @b ELSE @a END WHERE leaf_index >= 1000000", new { a = (long)a, b = (long)b }, tx);
        return "reorder of places alone";
    }

    /// <summary>The last records go, and what they were part of is made anew without them.</summary>
    private static async Task<string> TruncateAsync(DbTransaction tx, Random random)
    {
        var records = await RecordsAsync(tx);
        int keep = random.Next(records.Count);
        await tx.Connection!.ExecuteAsync("DELETE FROM audit_records WHERE leaf_index >= @keep", new { keep = (long)keep }, tx);
        bool remade = random.Next(4) > 0;
        if (remade) await RemakeAsync(tx, records[..keep]);
        if (random.Next(2) == 0) await tx.Connection!.ExecuteAsync("DELETE FROM audit_checkpoints WHERE size > @keep", new { keep = (long)keep }, tx);
        return remade ? "truncation with the tree made anew" : "truncation";
    }

    /// <summary>History is written anew from a record on: one is changed, taken out or put in, and every hash made again.</summary>
    private static async Task<string> ForkAsync(DbTransaction tx, Random random)
    {
        var records = await RecordsAsync(tx);
        int at = random.Next(records.Count);
        var (no, index, envelope, mac) = records[at];
        string what;
        switch (random.Next(3))
        {
            case 0:
                await tx.Connection!.ExecuteAsync("DELETE FROM audit_records WHERE no = @no", new { no }, tx);
                records.RemoveAt(at);
                what = "without a record";
                break;
            case 1:
                var changed = Envelope.Parse(envelope)!;
                changed = changed with { At = changed.At + random.Next(1, 1_000_000), Succeeded = !changed.Succeeded };
                await tx.Connection!.ExecuteAsync("UPDATE audit_records SET envelope = @bytes, at = @At, outcome = @Outcome WHERE no = @no", new { bytes = changed.Bytes(), changed.At, changed.Outcome, no }, tx);
                records[at] = new(no, index, changed.Bytes(), mac);
                what = "with a record changed";
                break;
            default:
                int other = (at + random.Next(1, records.Count)) % records.Count;
                records.RemoveAt(at);
                records.Insert(Math.Min(other, records.Count), new(no, index, envelope, mac));
                what = "with a record moved";
                break;
        }
        await RemakeAsync(tx, records);
        // The checkpoints that contradict it go as well, or all of them, or none.
        int rows = random.Next(3);
        if (rows > 0) await tx.Connection!.ExecuteAsync("DELETE FROM audit_checkpoints WHERE size > @at", new { at = rows == 1 ? (long)at : 0 }, tx);
        return $"fork {what}";
    }

    /// <summary>Everything as it was at an earlier time.</summary>
    private static async Task<string> RollBackAsync(Database database, DbTransaction tx, Random random, List<Dump> dumps)
    {
        var dump = dumps[random.Next(dumps.Count)];
        foreach (string table in Tables)
        {
            await tx.Connection!.ExecuteAsync($"DELETE FROM {table}", transaction: tx);
            var rows = dump.Rows[table];
            if (rows.Count == 0) continue;
            string[] columns = [.. rows[0].Keys];
            await database.InsertAsync(tx, table, columns, [.. rows.Select(r => columns.Select(c => r[c]).ToArray())]);
        }
        return $"rolled back to dump {dumps.IndexOf(dump)}";
    }

    private static async Task<Dump> DumpAsync(DbConnection connection)
    {
        var rows = new Dictionary<string, IReadOnlyList<IDictionary<string, object?>>>();
        foreach (string table in Tables) rows[table] = [.. (await connection.QueryAsync($"SELECT * FROM {table}")).Cast<IDictionary<string, object?>>()];
        return new(rows);
    }

    private sealed record Leaf(long No, long Index, byte[] Envelope, byte[] Mac);

    private static async Task<List<Leaf>> RecordsAsync(DbTransaction tx) =>
        (await tx.Connection!.QueryAsync<(long No, long Index, byte[] Envelope, byte[] Mac)>("SELECT no, leaf_index, envelope, mac FROM audit_records WHERE leaf_index >= 0 ORDER BY leaf_index", transaction: tx)).Select(r => new Leaf(r.No, r.Index, r.Envelope, r.Mac)).ToList();

    /// <summary>Places, hashes, nodes and state as the service itself would have made them of these records in this order.</summary>
    private static async Task RemakeAsync(DbTransaction tx, IReadOnlyList<Leaf> records)
    {
        var connection = tx.Connection!;
        await connection.ExecuteAsync("UPDATE audit_records SET leaf_index = leaf_index + 1000000 WHERE leaf_index >= 0", transaction: tx);
        await connection.ExecuteAsync("DELETE FROM audit_nodes", transaction: tx);
        var tree = new GrowingTree();
        var places = new List<object>();
        var nodes = new List<object>();
        foreach (var record in records)
        {
            byte[] leaf = Merkle.Leaf(record.Envelope);
            places.Add(new { record.No, index = tree.Size, leaf });
            tree.Add(leaf, (level, place, hash) =>
            {
                if (level > 0 && level % TreeReader.Step == 0) nodes.Add(new { level = (long)level, place, hash });
            });
        }
        await connection.ExecuteAsync("UPDATE audit_records SET leaf_index = @index, leaf_hash = @leaf WHERE no = @No", places, tx);
        await connection.ExecuteAsync("INSERT INTO audit_nodes (level, place, hash) VALUES (@level, @place, @hash)", nodes, tx);
        await connection.ExecuteAsync("UPDATE audit_tree SET size = @Size, peaks = @Peaks", new { tree.Size, tree.Peaks }, tx);
    }

    private static byte[] Flipped(byte[] bytes, Random random)
    {
        byte[] flipped = [.. bytes];
        flipped[random.Next(flipped.Length)] ^= (byte)(1 << random.Next(8));
        return flipped;
    }

    private static string Changed(string text, Random random)
    {
        int at = random.Next(text.Length);
        char other = text[at] == 'x' ? 'y' : 'x';
        return text[..at] + other + text[(at + 1)..];
    }
}
