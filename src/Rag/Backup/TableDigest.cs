using System.Buffers.Binary;
using System.Security.Cryptography;
using Rag.Storage;

namespace Rag.Backup;

/// <summary>
/// A digest of a table that says nothing of the order of its rows: how many there are, and the sum of the SHA-256 of each
/// modulo 2^256 (MSet-Add-Hash of Clarke, Devadas, van Dijk, Gassend and Suh, 2003). A row that is there twice
/// counts twice. Parts of a table add up to the whole.
/// </summary>
internal sealed class TableDigest
{
    private const int Words = 4, HashBytes = 32;

    private readonly ulong[] _sum = new ulong[Words];

    public long Rows { get; private set; }

    public void Add(RowBlock block)
    {
        int start = 0;
        foreach (int end in block.Ends)
        {
            Add(block.Bytes.Span[start..end]);
            start = end;
        }
    }

    public void Add(ReadOnlySpan<byte> row)
    {
        Span<byte> hash = stackalloc byte[HashBytes];
        SHA256.HashData(row, hash);
        AddHash(hash, rows: 1);
    }

    /// <summary>Takes in the digest of other rows of the same table.</summary>
    public void Add(string digest, long rows) => AddHash(Convert.FromHexString(digest), rows);

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[HashBytes];
        for (int i = 0; i < Words; i++) BinaryPrimitives.WriteUInt64BigEndian(bytes[(i * sizeof(ulong))..], _sum[i]);
        return Convert.ToHexStringLower(bytes);
    }

    private void AddHash(ReadOnlySpan<byte> hash, long rows)
    {
        ulong carry = 0;
        for (int i = Words - 1; i >= 0; i--)
        {
            var sum = (UInt128)_sum[i] + BinaryPrimitives.ReadUInt64BigEndian(hash[(i * sizeof(ulong))..]) + carry;
            _sum[i] = (ulong)sum;
            carry = (ulong)(sum >> 64);
        }
        Rows += rows;
    }
}
