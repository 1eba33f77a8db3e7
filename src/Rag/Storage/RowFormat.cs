using System.Buffers.Binary;
using Rag.Foundation;

namespace Rag.Storage;

/// <summary>
/// Rows as bytes, the same for the same values on every engine: the rows of PostgreSQL's binary COPY format (documentation of
/// COPY, "Binary Format", without its header and trailer), which PostgreSQL writes and reads as they are. A row is the number of fields
/// (16 bits), then of each field its length in bytes (32 bits, -1 for null) and its value: a whole number in 64 bits, a
/// floating-point number in 64 bits (IEEE 754), a text in UTF-8, bytes as they are. Numbers have their highest byte first.
/// </summary>
internal static class RowFormat
{
    /// <summary>No row of the record is longer.</summary>
    public const int MaxRowBytes = 1_000_000_000;

    private const int CountBytes = 2, LengthBytes = 4;

    /// <summary>Length of the row that begins the bytes; 0 where they do not hold all of it yet.</summary>
    /// <exception cref="RagException">Invalid: these are not rows of so many columns.</exception>
    public static int Measure(ReadOnlySpan<byte> bytes, int columns)
    {
        if (bytes.Length < CountBytes) return 0;
        if (BinaryPrimitives.ReadInt16BigEndian(bytes) != columns) throw NotRows();
        long at = CountBytes;
        for (int i = 0; i < columns; i++)
        {
            if (bytes.Length - at < LengthBytes) return 0;
            int length = BinaryPrimitives.ReadInt32BigEndian(bytes[(int)at..]);
            if (length < -1) throw NotRows();
            at += LengthBytes + Math.Max(0, length);
            if (at > MaxRowBytes) throw NotRows();
            if (at > bytes.Length) return 0;
        }
        return (int)at;
    }

    /// <summary>The bytes of a field; empty and false where it is null.</summary>
    public static bool TryField(ReadOnlySpan<byte> row, int index, out ReadOnlySpan<byte> value)
    {
        int at = CountBytes;
        for (int i = 0; ; i++)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(row[at..]);
            at += LengthBytes;
            if (i == index)
            {
                value = length < 0 ? default : row.Slice(at, length);
                return length >= 0;
            }
            at += Math.Max(0, length);
        }
    }

    /// <exception cref="RagException">Invalid: the field is null, or no whole number.</exception>
    public static long Integer(ReadOnlySpan<byte> row, int index) =>
        TryField(row, index, out var value) && value.Length == sizeof(long) ? BinaryPrimitives.ReadInt64BigEndian(value) : throw NotRows();

    /// <exception cref="RagException">Invalid: the field is null.</exception>
    public static string Text(ReadOnlySpan<byte> row, int index) => TryField(row, index, out var value) ? System.Text.Encoding.UTF8.GetString(value) : throw NotRows();

    /// <summary>A field as a parameter takes it.</summary>
    public static object? Value(ReadOnlySpan<byte> row, int index, ColumnType type)
    {
        if (!TryField(row, index, out var value)) return null;
        return type switch
        {
            ColumnType.Integer when value.Length == sizeof(long) => BinaryPrimitives.ReadInt64BigEndian(value),
            ColumnType.Real when value.Length == sizeof(double) => BinaryPrimitives.ReadDoubleBigEndian(value),
            ColumnType.Text => System.Text.Encoding.UTF8.GetString(value),
            ColumnType.Bytes => value.ToArray(),
            _ => throw NotRows(),
        };
    }

    public static RagException NotRows() => new(ErrorKind.Invalid, "These bytes are not rows of the table that they are said to be of.", "The backup is damaged, or not of this product; restore another.");
}
