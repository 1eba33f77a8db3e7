using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Rag.Security;

/// <summary>What is unusual in an hour.</summary>
internal sealed record Unusual(string Pattern, string Why);

/// <summary>
/// How somebody usually reads: documents in an hour in which they read any, its mean and spread, the share of documents that
/// were new to them, and which they have read before. Older hours count less. Pure, and small whatever is read: documents
/// are kept as a filter of bits (Bloom, 1970) in two generations, of which the older goes when the newer is full.
/// </summary>
internal sealed class AccessProfile
{
    public const int MinVolume = 50, MinDocuments = 30, MaxHourDocuments = 4_096, MaxCollections = 64;

    /// <summary>Far more: so many times the mean, and so many deviations above it.</summary>
    public const double VolumeFactor = 4, VolumeDeviations = 6;

    /// <summary>Far other: nearly all is new to somebody who mostly reads what they know.</summary>
    public const double NewShare = 0.8, UsualNewShare = 0.4;

    private const byte Format = 1;
    /// <summary>At 4,000 documents a generation one in a hundred is taken for known that is not.</summary>
    private const int FilterBytes = 5_120, FilterDocuments = 4_000, FilterBits = 6, Memory = 100;

    private readonly HashSet<ulong> _hour = [];
    private readonly List<ulong> _collections = [];
    private byte[] _older = new byte[FilterBytes], _newer = new byte[FilterBytes];
    private int _inNewer, _newInHour, _foreignInHour;
    private bool _saidVolume, _saidOther;
    private long _hourStart;
    private double _variance;

    /// <summary>Hours in which something was read.</summary>
    public int Hours { get; private set; }

    /// <summary>Documents in such an hour, of which the newest weigh most.</summary>
    public double Mean { get; private set; }

    public double MeanNewShare { get; private set; }

    /// <summary>Takes in what was read, and says what of it is unusual; each once in an hour.</summary>
    /// <param name="learnHours">Before so many hours nothing is unusual: nobody knows what is usual.</param>
    public IReadOnlyList<Unusual> Take(DateTimeOffset at, IEnumerable<(string Collection, string Document)> read, int learnHours)
    {
        long hour = at.ToUnixTimeSeconds() / 3_600;
        if (hour != _hourStart) Close(hour);
        foreach (var (collection, document) in read)
        {
            ulong c = Hash(collection), d = Hash(document);
            if (_hour.Count >= MaxHourDocuments || !_hour.Add(d)) continue;
            if (!_collections.Contains(c)) _foreignInHour++;
            if (Knows(d)) continue;
            _newInHour++;
            Learn(d);
        }
        _readNow.UnionWith(read.Select(r => Hash(r.Collection)));
        return Judge(learnHours);
    }

    private readonly HashSet<ulong> _readNow = [];

    private List<Unusual> Judge(int learnHours)
    {
        var found = new List<Unusual>();
        int count = _hour.Count;
        if (Hours < learnHours) return found;
        double far = Math.Max(VolumeFactor * Math.Max(Mean, 1), Mean + VolumeDeviations * Math.Sqrt(_variance));
        if (!_saidVolume && count >= MinVolume && count > far)
        {
            _saidVolume = true;
            found.Add(new(Access.SecurityPattern.UnusualVolume, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{count} documents in this hour, and {Mean:0.#} in a usual one")));
        }
        double share = count == 0 ? 0 : (double)_newInHour / count;
        bool other = share >= NewShare && MeanNewShare <= UsualNewShare, foreign = _foreignInHour >= MinDocuments;
        if (!_saidOther && count >= MinDocuments && (other || foreign))
        {
            _saidOther = true;
            found.Add(new(Access.SecurityPattern.UnusualDocuments, foreign
                ? $"{_foreignInHour} documents in this hour from collections never read before"
                : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{_newInHour} of {count} documents in this hour never read before, {MeanNewShare:P0} in a usual one")));
        }
        return found;
    }

    /// <summary>Ends the hour that was open. What was unusual in it counts no more than the most that is usual, or one raid would make the next one so.</summary>
    private void Close(long hour)
    {
        if (_hour.Count > 0)
        {
            double count = _hour.Count, share = _newInHour / count;
            double most = Hours < 3 ? count : Math.Max(MinVolume, Mean + 3 * Math.Sqrt(_variance) + 1);
            double weight = 1.0 / Math.Min(Hours + 1, Memory), off = Math.Min(count, most) - Mean;
            Mean += weight * off;
            _variance = (1 - weight) * (_variance + weight * off * off);
            MeanNewShare += weight * (share - MeanNewShare);
            Hours++;
        }
        foreach (ulong c in _readNow)
            if (!_collections.Contains(c))
            {
                if (_collections.Count == MaxCollections) _collections.RemoveAt(0);
                _collections.Add(c);
            }
        _hour.Clear();
        _readNow.Clear();
        (_newInHour, _foreignInHour, _saidVolume, _saidOther, _hourStart) = (0, 0, false, false, hour);
    }

    private bool Knows(ulong d) => Has(_newer, d) || Has(_older, d);

    private void Learn(ulong d)
    {
        if (_inNewer >= FilterDocuments)
        {
            _older = _newer;
            _newer = new byte[FilterBytes];
            _inNewer = 0;
        }
        for (int i = 0; i < FilterBits; i++)
        {
            int bit = Bit(d, i);
            _newer[bit >> 3] |= (byte)(1 << (bit & 7));
        }
        _inNewer++;
    }

    private static bool Has(byte[] filter, ulong d)
    {
        for (int i = 0; i < FilterBits; i++)
        {
            int bit = Bit(d, i);
            if ((filter[bit >> 3] & (1 << (bit & 7))) == 0) return false;
        }
        return true;
    }

    /// <summary>Two halves of the digest make as many positions as are wanted (Kirsch and Mitzenmacher, 2006).</summary>
    private static int Bit(ulong d, int i) => (int)(((uint)d + (ulong)i * (uint)(d >> 32)) % (FilterBytes * 8));

    private static ulong Hash(string text) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        using var w = new BinaryWriter(bytes);
        w.Write(Format);
        w.Write(Hours);
        w.Write(Mean);
        w.Write(_variance);
        w.Write(MeanNewShare);
        w.Write(_hourStart);
        w.Write(_newInHour);
        w.Write(_foreignInHour);
        w.Write(_saidVolume);
        w.Write(_saidOther);
        w.Write(_inNewer);
        w.Write(_older);
        w.Write(_newer);
        foreach (var set in (IReadOnlyCollection<ulong>[])[_collections, _readNow, _hour])
        {
            w.Write(set.Count);
            foreach (ulong n in set) w.Write(n);
        }
        w.Flush();
        return bytes.ToArray();
    }

    /// <summary>What was kept; a new profile where it cannot be read.</summary>
    public static AccessProfile FromBytes(byte[] bytes)
    {
        var p = new AccessProfile();
        try
        {
            using var r = new BinaryReader(new MemoryStream(bytes));
            if (r.ReadByte() != Format) return p;
            (p.Hours, p.Mean, p._variance, p.MeanNewShare) = (r.ReadInt32(), r.ReadDouble(), r.ReadDouble(), r.ReadDouble());
            (p._hourStart, p._newInHour, p._foreignInHour, p._saidVolume, p._saidOther, p._inNewer) = (r.ReadInt64(), r.ReadInt32(), r.ReadInt32(), r.ReadBoolean(), r.ReadBoolean(), r.ReadInt32());
            (p._older, p._newer) = (r.ReadBytes(FilterBytes), r.ReadBytes(FilterBytes));
            if (p._older.Length != FilterBytes || p._newer.Length != FilterBytes) return new();
            foreach (var set in (ICollection<ulong>[])[p._collections, p._readNow, p._hour])
                for (int n = Math.Min(r.ReadInt32(), MaxHourDocuments); n > 0; n--) set.Add(r.ReadUInt64());
            return p;
        }
        catch (EndOfStreamException)
        {
            return new();
        }
    }
}
