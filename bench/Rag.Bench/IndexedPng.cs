using System.Buffers.Binary;
using System.IO.Compression;

namespace Rag.Bench;

/// <summary>
/// A picture of a page with a palette (PNG, ISO/IEC 15948, colour type 3) in the place of true colours: a page has few, and blends of
/// them at the edges of letters. A third of the bytes.
/// </summary>
internal static class IndexedPng
{
    private const int MaxColours = 128;

    /// <summary>Colours that agree in so many leading bits of each channel count as one.</summary>
    private const int Bits = 5;

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0d, 0x0a, 0x1a, 0x0a];

    /// <param name="png">Eight bits a channel, colour type 2 or 6 and not interlaced, as Chromium writes it; transparency is dropped.</param>
    public static byte[] Of(byte[] png)
    {
        var (width, height, rgb) = Decode(png);
        var counts = new Dictionary<int, int>();
        foreach (int colour in rgb) counts[colour] = counts.GetValueOrDefault(colour) + 1;
        // Of those that count as one, the most frequent stands for all: grounds keep their colour to the bit.
        var palette = counts.GroupBy(c => Bucket(c.Key)).OrderByDescending(b => b.Sum(c => c.Value)).Take(MaxColours).Select(b => b.MaxBy(c => c.Value).Key).ToArray();
        var index = counts.Keys.ToDictionary(c => c, c => (byte)Array.IndexOf(palette, palette.MinBy(p => Distance(p, c))));
        using var lines = new MemoryStream();
        using (var deflate = new ZLibStream(lines, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            byte[] line = new byte[width + 1];
            for (int y = 0; y < height; y++)
            {
                for (int x = 0; x < width; x++) line[x + 1] = index[rgb[y * width + x]];
                deflate.Write(line);
            }
        }
        using var result = new MemoryStream();
        result.Write(Signature);
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 3);
        Chunk(result, "IHDR"u8, header);
        Chunk(result, "PLTE"u8, [.. palette.SelectMany(p => new[] { (byte)(p >> 16), (byte)(p >> 8), (byte)p })]);
        Chunk(result, "IDAT"u8, lines.ToArray());
        Chunk(result, "IEND"u8, []);
        return result.ToArray();
    }

    private static int Bucket(int colour) => ((colour >> (24 - Bits)) << (2 * Bits)) | (((colour >> (16 - Bits)) & ((1 << Bits) - 1)) << Bits) | ((colour & 0xff) >> (8 - Bits));

    private static int Distance(int a, int b)
    {
        int Channel(int shift) => ((a >> shift) & 0xff) - ((b >> shift) & 0xff);
        return Channel(16) * Channel(16) + Channel(8) * Channel(8) + Channel(0) * Channel(0);
    }

    private static (int Width, int Height, int[] Rgb) Decode(byte[] png)
    {
        if (!png.AsSpan().StartsWith(Signature)) throw new InvalidDataException("The browser's picture is no PNG.");
        var (width, height, channels) = (0, 0, 0);
        using var data = new MemoryStream();
        for (int at = 8; at < png.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at));
            var type = png.AsSpan(at + 4, 4);
            var body = png.AsSpan(at + 8, length);
            if (type.SequenceEqual("IHDR"u8))
            {
                (width, height) = (BinaryPrimitives.ReadInt32BigEndian(body), BinaryPrimitives.ReadInt32BigEndian(body[4..]));
                channels = (body[8], body[9], body[12]) switch { (8, 2, 0) => 3, (8, 6, 0) => 4, _ => throw new InvalidDataException("The browser's picture has another layout.") };
            }
            else if (type.SequenceEqual("IDAT"u8)) data.Write(body);
            at += 12 + length;
        }
        data.Position = 0;
        using var inflate = new ZLibStream(data, CompressionMode.Decompress);
        int stride = width * channels;
        byte[] before = new byte[stride], line = new byte[stride];
        int[] rgb = new int[width * height];
        for (int y = 0; y < height; y++)
        {
            int filter = inflate.ReadByte();
            inflate.ReadExactly(line);
            for (int i = 0; i < stride; i++)
            {
                int left = i < channels ? 0 : line[i - channels], up = before[i], corner = i < channels ? 0 : before[i - channels];
                line[i] += (byte)(filter switch { 0 => 0, 1 => left, 2 => up, 3 => (left + up) / 2, 4 => Paeth(left, up, corner), _ => throw new InvalidDataException($"There is no filter {filter}.") });
            }
            for (int x = 0; x < width; x++) rgb[y * width + x] = (line[x * channels] << 16) | (line[x * channels + 1] << 8) | line[x * channels + 2];
            (before, line) = (line, before);
        }
        return (width, height, rgb);
    }

    private static int Paeth(int left, int up, int corner)
    {
        int estimate = left + up - corner;
        var (a, b, c) = (Math.Abs(estimate - left), Math.Abs(estimate - up), Math.Abs(estimate - corner));
        return a <= b && a <= c ? left : b <= c ? up : corner;
    }

    private static void Chunk(Stream to, ReadOnlySpan<byte> type, byte[] body)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(word, body.Length);
        to.Write(word);
        byte[] checkedBytes = [.. type, .. body];
        to.Write(checkedBytes);
        BinaryPrimitives.WriteUInt32BigEndian(word, Crc(checkedBytes));
        to.Write(word);
    }

    /// <summary>CRC-32 (ISO 3309).</summary>
    private static uint Crc(byte[] bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte one in bytes)
        {
            crc ^= one;
            for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) == 0 ? 0 : 0xedb88320);
        }
        return ~crc;
    }
}
