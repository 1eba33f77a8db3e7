namespace Rag.Inference;

/// <summary>
/// Uncased BERT WordPiece: cleaning and splitting after <see cref="BertCharacters"/>, then the longest piece first, a
/// word with a part that no piece covers, or of more than 100 characters, being one [UNK]. The names of special pieces
/// in a text are text, not commands. Linear in the text, no allocation; thread-safe.
/// </summary>
/// <remarks>
/// Written here, because the library's tokenizer drops characters beyond the BMP and signs such as "=", keeps "_" inside
/// words, joins words over a line end, and strips no accents without ICU: its numbers are not those that the model was
/// trained with.
/// </remarks>
/// <param name="vocabulary">
/// Null where there is none: then nothing can be encoded, and counts are approximate, one token for each ideograph and
/// sign and one for each started four characters of a word.
/// </param>
internal sealed class WordPieceTokenizer(WordPieceVocabulary? vocabulary)
{
    private const int MaxWordLength = 100;
    private const int ApproximateCharsPerToken = 4;

    /// <summary>[CLS] and [SEP], which <see cref="Encode"/> adds and the counts leave out.</summary>
    public const int SpecialTokens = 2;

    /// <summary>
    /// Pieces of words counted lately: in each entry 56 bits of the word's hash above its count. Few words make up most of
    /// a text, so most are counted once. Entries are written whole, so that no lock is needed.
    /// </summary>
    private readonly ulong[] _counted = new ulong[1 << CountedBits];
    private const int CountedBits = 16;

    /// <summary>Pieces in the text, [CLS] and [SEP] not counted.</summary>
    public int CountTokens(ReadOnlySpan<char> text)
    {
        var sink = new Counter();
        Walk(text, ref sink);
        return sink.Count;
    }

    /// <summary>
    /// The longest prefix of whole words (white space behind it left out) that has at most so many pieces.
    /// </summary>
    /// <returns>Its length in UTF-16 code units: 0 where not even the first word fits.</returns>
    public int PrefixLength(ReadOnlySpan<char> text, int maxTokens, out int tokens)
    {
        var sink = new Prefix(maxTokens);
        Walk(text, ref sink);
        tokens = sink.Count;
        return sink.End;
    }

    /// <summary>[CLS], the text's pieces as far as they fit, [SEP].</summary>
    /// <param name="ids">Where to write; its length is the most that is written, at least 2.</param>
    /// <returns>How many were written.</returns>
    public int Encode(ReadOnlySpan<char> text, Span<long> ids)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ids.Length, SpecialTokens);
        var pieces = vocabulary ?? throw new InvalidOperationException("There is no vocabulary to encode with.");
        var sink = new Encoder(ids[1..^1]);
        Walk(text, ref sink);
        ids[0] = pieces.Start;
        ids[sink.Count + 1] = pieces.End;
        return sink.Count + SpecialTokens;
    }

    private interface ISink
    {
        /// <summary>Whether only the number of pieces matters: what they are is then left open.</summary>
        static abstract bool CountsOnly { get; }

        /// <summary>Takes the pieces of one word that ends there; false ends the walk.</summary>
        bool Word(scoped ReadOnlySpan<int> pieces, int end);
    }

    private struct Counter : ISink
    {
        public static bool CountsOnly => true;

        public int Count;

        public bool Word(scoped ReadOnlySpan<int> pieces, int end)
        {
            Count += pieces.Length;
            return true;
        }
    }

    private struct Prefix(int maxTokens) : ISink
    {
        public static bool CountsOnly => true;

        public int Count, End;

        public bool Word(scoped ReadOnlySpan<int> pieces, int end)
        {
            if (pieces.Length > maxTokens - Count) return false;
            Count += pieces.Length;
            End = end;
            return true;
        }
    }

    private ref struct Encoder(Span<long> ids) : ISink
    {
        private readonly Span<long> _ids = ids;

        public static bool CountsOnly => false;

        public int Count;

        public bool Word(scoped ReadOnlySpan<int> pieces, int end)
        {
            foreach (int piece in pieces)
            {
                if (Count == _ids.Length) return false;
                _ids[Count++] = piece;
            }
            return true;
        }
    }

    private void Walk<TSink>(ReadOnlySpan<char> text, ref TSink sink) where TSink : struct, ISink, allows ref struct
    {
        Span<int> word = stackalloc int[MaxWordLength];
        Span<int> pieces = stackalloc int[MaxWordLength];
        int length = 0, end = 0; // of the word under way; a length of MaxWordLength + 1 stands for anything longer
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            var kind = BertCharacters.Of(c, out int mapped);
            int codePoint = c, units = 1;
            if (kind == BertKind.Surrogate)
            {
                if (!char.IsHighSurrogate(c) || i + 1 >= text.Length || !char.IsLowSurrogate(text[i + 1])) continue;
                codePoint = char.ConvertToUtf32(c, text[i + 1]);
                units = 2;
                kind = BertCharacters.Classify(codePoint, out mapped);
            }
            switch (kind)
            {
                case BertKind.Word:
                    if (length < MaxWordLength) word[length++] = mapped;
                    else length = MaxWordLength + 1;
                    end = i + units;
                    break;
                case BertKind.Expands:
                    CanonicalBases.TryGet(codePoint, out int[] bases);
                    foreach (int each in bases)
                    {
                        if (length < MaxWordLength) word[length++] = each;
                        else length = MaxWordLength + 1;
                    }
                    end = i + units;
                    break;
                case BertKind.Removed:
                    if (length > 0) end = i + units; // an accent belongs to the letter before it
                    break;
                default:
                    if (length > 0 && !Flush(word, length, end, pieces, ref sink)) return;
                    length = 0;
                    if (kind == BertKind.Alone)
                    {
                        word[0] = mapped;
                        if (!Flush(word, 1, i + units, pieces, ref sink)) return;
                    }
                    break;
            }
            i += units - 1;
        }
        if (length > 0) Flush(word, length, end, pieces, ref sink);
    }

    private bool Flush<TSink>(scoped Span<int> word, int length, int end, scoped Span<int> pieces, ref TSink sink)
        where TSink : struct, ISink, allows ref struct
    {
        int count = 1;
        if (vocabulary is null) count = (Math.Min(length, MaxWordLength) + ApproximateCharsPerToken - 1) / ApproximateCharsPerToken;
        else if (length > MaxWordLength) pieces[0] = vocabulary.Unknown;
        else if (TSink.CountsOnly) count = CountOf(vocabulary, word[..length], pieces);
        else count = Split(vocabulary, word[..length], pieces);
        return sink.Word(pieces[..count], end);
    }

    private int CountOf(WordPieceVocabulary vocabulary, ReadOnlySpan<int> word, Span<int> pieces)
    {
        ulong hash = 0xCBF29CE484222325; // FNV-1a over code points, then mixed so that every bit counts
        foreach (int codePoint in word) hash = (hash ^ (uint)codePoint) * 0x100000001B3;
        hash = (hash ^ (hash >> 32)) * 0x9E3779B97F4A7C15;
        ref ulong entry = ref _counted[hash >> (64 - CountedBits)];
        ulong key = hash << 8, seen = Volatile.Read(ref entry);
        if ((seen & ~0xFFUL) == key && (seen & 0xFF) != 0) return (int)(seen & 0xFF);
        int count = Split(vocabulary, word, pieces);
        Volatile.Write(ref entry, key | (uint)count);
        return count;
    }

    private static int Split(WordPieceVocabulary vocabulary, ReadOnlySpan<int> word, Span<int> pieces)
    {
        int count = 0;
        for (int at = 0; at < word.Length;)
        {
            int piece = vocabulary.Longest(word, at, out int next);
            if (piece < 0)
            {
                pieces[0] = vocabulary.Unknown;
                return 1;
            }
            pieces[count++] = piece;
            at = next;
        }
        return count;
    }
}
