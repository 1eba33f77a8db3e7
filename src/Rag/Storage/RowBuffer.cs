using System.Buffers.Binary;
using System.Text;

namespace Rag.Storage;

/// <summary>Rows being written, in <see cref="RowFormat"/>; used again for every block.</summary>
internal sealed class RowBuffer(int capacity)
{
    /// <summary>A block is given on when it has this many bytes, or with one row that is longer.</summary>
    public const int BlockBytes = 256 * 1024;

    private byte[] _bytes = new byte[capacity];
    private readonly List<int> _ends = [];

    public int Length { get; private set; }

    public RowBlock Block => new(_bytes.AsMemory(0, Length), _ends);

    public void Clear()
    {
        Length = 0;
        _ends.Clear();
    }

    public void BeginRow(int columns) => BinaryPrimitives.WriteInt16BigEndian(Take(sizeof(short)), (short)columns);

    public void EndRow() => _ends.Add(Length);

    public void Null() => BinaryPrimitives.WriteInt32BigEndian(Take(sizeof(int)), -1);

    public void Integer(long value)
    {
        var to = Take(sizeof(int) + sizeof(long));
        BinaryPrimitives.WriteInt32BigEndian(to, sizeof(long));
        BinaryPrimitives.WriteInt64BigEndian(to[sizeof(int)..], value);
    }

    public void Real(double value)
    {
        var to = Take(sizeof(int) + sizeof(double));
        BinaryPrimitives.WriteInt32BigEndian(to, sizeof(double));
        BinaryPrimitives.WriteDoubleBigEndian(to[sizeof(int)..], value);
    }

    public void Bytes(ReadOnlySpan<byte> value)
    {
        var to = Take(sizeof(int) + value.Length);
        BinaryPrimitives.WriteInt32BigEndian(to, value.Length);
        value.CopyTo(to[sizeof(int)..]);
    }

    public void Text(string value) => Bytes(Encoding.UTF8.GetBytes(value));

    private Span<byte> Take(int bytes)
    {
        if (Length + (long)bytes > _bytes.Length) Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(Length + (long)bytes, 2L * _bytes.Length)));
        var taken = _bytes.AsSpan(Length, bytes);
        Length += bytes;
        return taken;
    }
}

/// <summary>Cuts bytes that come in pieces of any size into blocks of whole rows.</summary>
internal sealed class RowCutter(int columns)
{
    private byte[] _bytes = new byte[2 * RowBuffer.BlockBytes];
    private int _start, _end;
    private readonly List<int> _ends = [];

    /// <summary>Where the next piece goes; say with <see cref="Advance"/> how much of it was filled.</summary>
    public Memory<byte> Room()
    {
        if (_start > 0)
        {
            _bytes.AsSpan(_start, _end - _start).CopyTo(_bytes);
            (_start, _end) = (0, _end - _start);
        }
        // One row that is longer than the room makes it larger, up to the greatest row.
        if (_end == _bytes.Length) Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, 2L * _bytes.Length));
        return _bytes.AsMemory(_end);
    }

    public void Advance(int bytes) => _end += bytes;

    /// <summary>Bytes that are no whole row yet.</summary>
    public ReadOnlyMemory<byte> Rest => _bytes.AsMemory(_start, _end - _start);

    public void Skip(int bytes) => _start += bytes;

    /// <summary>The whole rows that are there; empty where there are none. <paramref name="ended"/> says whether a row of -1 fields, the end of a copy, follows.</summary>
    public RowBlock Take(out bool ended)
    {
        _ends.Clear();
        int first = _start;
        ended = false;
        while (true)
        {
            var rest = Rest.Span;
            if (rest.Length >= sizeof(short) && BinaryPrimitives.ReadInt16BigEndian(rest) == -1)
            {
                ended = true;
                break;
            }
            int length = RowFormat.Measure(rest, columns);
            if (length == 0) break;
            _start += length;
            _ends.Add(_start - first);
        }
        return new(_bytes.AsMemory(first, _start - first), _ends);
    }
}
