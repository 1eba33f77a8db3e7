using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Npgsql;

namespace Rag.Storage.Postgres;

/// <summary>Rows in and out as PostgreSQL's own copy has them: what it sends is what is kept, without a look at a value.</summary>
internal static class PostgresRows
{
    private static readonly byte[] Signature = [.. "PGCOPY\n"u8, 0xFF, (byte)'\r', (byte)'\n', 0];

    /// <summary>Behind the signature: flags, and the length of what a later version may put behind them.</summary>
    private const int HeaderBytes = 2 * sizeof(int);

    private static readonly byte[] Header = [.. Signature, .. new byte[HeaderBytes]];

    private static readonly byte[] Trailer = [0xFF, 0xFF];

    public static async IAsyncEnumerable<RowBlock> CopyOutAsync(NpgsqlConnection connection, string select, int columns, [EnumeratorCancellation] CancellationToken ct)
    {
        await using var copy = await connection.BeginRawBinaryCopyAsync($"COPY ({select}) TO STDOUT (FORMAT BINARY)", ct);
        var rows = new RowCutter(columns);
        bool header = false;
        while (true)
        {
            var room = rows.Room();
            int read = await copy.ReadAsync(room, ct);
            if (read == 0) throw RowFormat.NotRows();
            rows.Advance(read);
            if (!header)
            {
                if (rows.Rest.Length < Header.Length) continue;
                var rest = rows.Rest.Span;
                int extension = BinaryPrimitives.ReadInt32BigEndian(rest[(Signature.Length + sizeof(int))..]);
                if (!rest.StartsWith(Signature) || extension != 0) throw RowFormat.NotRows();
                rows.Skip(Header.Length);
                header = true;
            }
            // A block of some size: what comes off the network comes in small pieces.
            if (rows.Rest.Length < RowBuffer.BlockBytes && !EndsHere(rows.Rest.Span)) continue;
            var block = rows.Take(out bool ended);
            if (block.Ends.Count > 0) yield return block;
            if (!ended) continue;
            while (await copy.ReadAsync(rows.Room(), ct) > 0) { }
            yield break;
        }
    }

    public static async Task<long> CopyInAsync(NpgsqlConnection connection, string table, IReadOnlyList<RecordColumn> columns, IAsyncEnumerable<RowBlock> rows, CancellationToken ct)
    {
        await using var copy = await connection.BeginRawBinaryCopyAsync($"COPY \"{table}\" ({string.Join(", ", columns.Select(c => $"\"{c.Name}\""))}) FROM STDIN (FORMAT BINARY)", ct);
        try
        {
            long count = 0;
            await copy.WriteAsync(Header, ct);
            await foreach (var block in rows.WithCancellation(ct))
            {
                await copy.WriteAsync(block.Bytes, ct);
                count += block.Ends.Count;
            }
            await copy.WriteAsync(Trailer, ct);
            return count;
        }
        catch
        {
            // Without it the copy would end as if all had come.
            await copy.CancelAsync();
            throw;
        }
    }

    /// <summary>Whether the last bytes may be the end of the copy: a guess, which costs a smaller block where it is wrong.</summary>
    private static bool EndsHere(ReadOnlySpan<byte> bytes) => bytes.EndsWith(Trailer);
}
