using System.Buffers;

namespace Rag.Ingestion;

/// <summary>
/// Unit spans as bytes: for each unit the kind, with <see cref="NewPage"/> and the page where that changes, then the gap
/// from the previous end (from the chunk's start for the first) and the length, all as LEB128 variable-length integers.
/// </summary>
internal static class UnitCodec
{
    private const uint NewPage = 8;

    public static byte[] Encode(IReadOnlyList<UnitSpan> units, int chunkStart)
    {
        var buffer = new ArrayBufferWriter<byte>(16 + units.Count * 4);
        int at = chunkStart, page = 0;
        foreach (var unit in units)
        {
            bool turned = unit.Page is { } p && p != page;
            Write(buffer, (uint)unit.Kind | (turned ? NewPage : 0));
            if (turned) Write(buffer, (uint)(page = unit.Page!.Value));
            Write(buffer, (uint)(unit.Start - at));
            Write(buffer, (uint)(unit.End - unit.Start));
            at = unit.End;
        }
        return buffer.WrittenSpan.ToArray();
    }

    public static IReadOnlyList<UnitSpan> Decode(ReadOnlySpan<byte> bytes, int chunkStart)
    {
        var units = new List<UnitSpan>();
        int at = chunkStart, i = 0, page = 0;
        while (i < bytes.Length)
        {
            uint kind = Read(bytes, ref i);
            if ((kind & NewPage) != 0) page = (int)Read(bytes, ref i);
            int start = at + (int)Read(bytes, ref i);
            at = start + (int)Read(bytes, ref i);
            units.Add(new(start, at, (UnitKind)(kind & ~NewPage), page > 0 ? page : null));
        }
        return units;
    }

    private static void Write(ArrayBufferWriter<byte> buffer, uint value)
    {
        var span = buffer.GetSpan(5);
        int n = 0;
        for (; value >= 0x80; value >>= 7) span[n++] = (byte)(value | 0x80);
        span[n++] = (byte)value;
        buffer.Advance(n);
    }

    private static uint Read(ReadOnlySpan<byte> bytes, ref int i)
    {
        uint value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte b = bytes[i++];
            value |= (uint)(b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
    }
}
