using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Lucene.Net.Index;
using Lucene.Net.Search;
using Lucene.Net.Util;

namespace Rag.Indexing;

/// <summary>
/// The chunks of a snapshot that a scope shows, and how many of them hold a word: whoever is shown a part of a collection is
/// answered as if it were all, so that no score tells of a word in the rest.
/// </summary>
internal sealed class ReadableChunks
{
    /// <summary>Words whose holders are remembered; counted again past it.</summary>
    private const int MaxCounted = 4_096;

    private readonly DirectoryReader _reader;
    private readonly ConcurrentDictionary<string, int> _holders = new(StringComparer.Ordinal);

    public ReadableChunks(DirectoryReader reader, IEnumerable<string> terms)
    {
        _reader = reader;
        Docs = ChunkSet.Of(reader, terms.Select(t => new Term(IndexFields.Allowed, t)));
        Count = Docs.Cardinality;
        Searcher = new(reader, this);
    }

    public FixedBitSet Docs { get; }

    public int Count { get; }

    /// <summary>Searches with the statistics of these chunks.</summary>
    public ChunkSearcher Searcher { get; }

    /// <summary>How many of these chunks hold the term of the full text.</summary>
    public int HoldersOf(Term term)
    {
        if (_holders.TryGetValue(term.Text, out int known)) return known;
        int count = 0;
        foreach (var leaf in _reader.Leaves)
        {
            var postings = leaf.AtomicReader.GetTermDocsEnum(term);
            if (postings is null) continue;
            for (int doc = postings.NextDoc(); doc != DocIdSetIterator.NO_MORE_DOCS; doc = postings.NextDoc())
                if (Docs.Get(leaf.DocBase + doc)) count++;
        }
        if (_holders.Count < MaxCounted) _holders[term.Text] = count;
        return count;
    }
}

/// <summary>Sets of a snapshot's chunks by their number in the full-text index, and searching in one.</summary>
internal static class ChunkSet
{
    /// <summary>Live chunks that have one of the terms.</summary>
    public static FixedBitSet Of(DirectoryReader reader, IEnumerable<Term> anyOf)
    {
        var set = new FixedBitSet(Math.Max(1, reader.MaxDoc));
        foreach (var term in anyOf)
        {
            foreach (var leaf in reader.Leaves)
            {
                var live = leaf.AtomicReader.LiveDocs;
                var postings = leaf.AtomicReader.GetTermDocsEnum(term);
                if (postings is null) continue;
                for (int doc = postings.NextDoc(); doc != DocIdSetIterator.NO_MORE_DOCS; doc = postings.NextDoc())
                    if (live is null || live.Get(doc)) set.Set(leaf.DocBase + doc);
            }
        }
        return set;
    }

    /// <summary>The bits as <see cref="VectorScan.TopK"/> takes them.</summary>
    public static ReadOnlySpan<ulong> Words(FixedBitSet? set) => set is null ? [] : MemoryMarshal.Cast<long, ulong>(set.GetBits());

    /// <summary>Lets the full-text search see the set only; deleted chunks are not in it.</summary>
    public static Filter ToFilter(FixedBitSet set) => new SetFilter(set);

    private sealed class SetFilter(FixedBitSet set) : Filter
    {
        public override DocIdSet GetDocIdSet(AtomicReaderContext context, IBits acceptDocs) => new Part(set, context.DocBase, context.AtomicReader.MaxDoc);
    }

    /// <summary>One segment's part of the set, by the segment's own numbers.</summary>
    private sealed class Part(FixedBitSet set, int first, int length) : DocIdSet, IBits
    {
        public override IBits Bits => this;

        public int Length => length;

        public bool Get(int index) => set.Get(first + index);

        public override DocIdSetIterator GetIterator() => new Walk(set, first, length);
    }

    private sealed class Walk(FixedBitSet set, int first, int length) : DocIdSetIterator
    {
        private int _doc = -1;

        public override int DocID => _doc;

        public override int NextDoc() => Advance(_doc + 1);

        public override int Advance(int target)
        {
            if (target >= length || first + target >= set.Length) return _doc = NO_MORE_DOCS;
            int found = set.NextSetBit(first + target);
            return _doc = found < 0 || found >= first + length ? NO_MORE_DOCS : found - first;
        }

        public override long GetCost() => length;
    }
}
