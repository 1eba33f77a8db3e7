using System.Data.Common;

namespace Rag.Storage;

/// <summary>What a column of the record holds; all that the engines have in common.</summary>
internal enum ColumnType
{
    /// <summary>A whole number of 64 bits.</summary>
    Integer,
    /// <summary>A floating-point number of 64 bits (IEEE 754).</summary>
    Real,
    Text,
    Bytes,
    /// <summary>What one engine alone has; such a table is made from others and is never read as rows.</summary>
    Other,
}

internal sealed record RecordColumn(string Name, ColumnType Type);

/// <summary>A table of the record as the schema has it.</summary>
/// <param name="Columns">In the order of their names' bytes, which is the same on every engine.</param>
/// <param name="Key">Columns of the primary key, in its order; rows are read in it.</param>
/// <param name="Serial">The column that counts up; null where there is none.</param>
internal sealed record RecordTable(string Name, IReadOnlyList<RecordColumn> Columns, IReadOnlyList<string> Key, string? Serial)
{
    public string ColumnList => string.Join(", ", Columns.Select(c => c.Name));
}

/// <summary>Whole rows one behind the other, as <see cref="RowFormat"/> has them. Good until the next block is asked for.</summary>
/// <param name="Ends">Where each row ends in <paramref name="Bytes"/>.</param>
internal readonly record struct RowBlock(ReadOnlyMemory<byte> Bytes, IReadOnlyList<int> Ends);

/// <summary>
/// The record as it was at one moment, while others go on writing: every table is read from the same state. Nothing that
/// writes waits for it.
/// </summary>
internal abstract class RecordSnapshot : IAsyncDisposable
{
    /// <summary>A connection that sees this state; of the snapshot, not the caller's to dispose of.</summary>
    public abstract DbConnection Connection { get; }

    /// <summary>Reads a table in the order of its key.</summary>
    public abstract IAsyncEnumerable<RowBlock> ReadAsync(RecordTable table, CancellationToken ct);

    /// <summary>File name of what <see cref="DumpAsync"/> gives.</summary>
    public abstract string DumpName { get; }

    /// <summary>The same state in the engine's own format, by its own tools.</summary>
    /// <param name="program">Path of the tool where the engine's is a program; empty: looked for on PATH.</param>
    /// <param name="scratch">A file name that may be used meanwhile.</param>
    /// <exception cref="Foundation.RagException">Unavailable: the tool is missing, or failed and says why.</exception>
    public abstract Task DumpAsync(string program, string scratch, Stream to, CancellationToken ct);

    public abstract ValueTask DisposeAsync();
}
