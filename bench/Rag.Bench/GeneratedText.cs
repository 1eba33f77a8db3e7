using System.Text;

namespace Rag.Bench;

/// <summary>
/// Text without meaning in the shape of English, the same for the same seed: what an index and a model cost depends on
/// that shape. Frequencies fall as words' do (Zipf's law); most words are those of the model's vocabulary, every eighth is
/// made up, so that a word has 1.3 to 1.5 of the model's pieces, as in English prose.
/// </summary>
internal sealed class GeneratedText
{
    private const int Words = 30_000;
    private const int MinSentenceWords = 8, MaxSentenceWords = 22;

    private static readonly string[] Vocabulary = MakeVocabulary();
    private static readonly double[] Cumulative = MakeCumulative();

    private readonly Random _random;

    public GeneratedText(int seed) => _random = new(seed);

    public string Word()
    {
        int at = Array.BinarySearch(Cumulative, _random.NextDouble() * Cumulative[^1]);
        return Vocabulary[Math.Min(at < 0 ? ~at : at, Words - 1)];
    }

    public string Sentence()
    {
        int words = _random.Next(MinSentenceWords, MaxSentenceWords + 1);
        var text = new StringBuilder();
        for (int i = 0; i < words; i++)
        {
            string word = Word();
            if (i == 0) text.Append(char.ToUpperInvariant(word[0])).Append(word.AsSpan(1));
            else text.Append(' ').Append(word);
        }
        return text.Append('.').ToString();
    }

    public string Paragraph(int sentences) => string.Join(' ', Enumerable.Range(0, sentences).Select(_ => Sentence()));

    /// <summary>Paragraphs of some sentences each, as a plain-text file has them.</summary>
    public string Document(int paragraphs) => string.Join("\n\n", Enumerable.Range(0, paragraphs).Select(_ => Paragraph(_random.Next(3, 8))));

    /// <summary>A question in the words of a text: some of those of one of its sentences.</summary>
    public string QuestionOn(string text)
    {
        string[] sentences = text.Split(". ", StringSplitOptions.RemoveEmptyEntries);
        var words = sentences[_random.Next(sentences.Length)].Split([' ', '\n', '.'], StringSplitOptions.RemoveEmptyEntries);
        int first = _random.Next(Math.Max(1, words.Length - 9));
        return "what is " + string.Join(' ', words.Skip(first).Take(9)).ToLowerInvariant() + "?";
    }

    /// <summary>A vector of length 1 in a random direction.</summary>
    public float[] UnitVector(int dimensions)
    {
        var vector = new float[dimensions];
        for (int i = 0; i < dimensions; i++) vector[i] = (float)(_random.NextDouble() + _random.NextDouble() + _random.NextDouble() - 1.5);
        float norm = System.Numerics.Tensors.TensorPrimitives.Norm<float>(vector);
        for (int i = 0; i < dimensions; i++) vector[i] /= norm;
        return vector;
    }

    private static string[] MakeVocabulary()
    {
        const int madeUpEvery = 8;
        string[] onsets = ["b", "br", "c", "d", "dr", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "tr", "v"];
        string[] vowels = ["a", "e", "i", "o", "u", "ai", "ea"];
        string[] codas = ["", "l", "m", "n", "r", "s", "t", "nd"];
        var random = new Random(1);
        // The file has its words in the order of their frequency.
        string file = Path.Combine(AppContext.BaseDirectory, "models", "all-MiniLM-L6-v2", "vocab.txt");
        var known = new Queue<string>(File.ReadLines(file).Where(w => w.Length > 1 && w.All(char.IsAsciiLetterLower)));
        var words = new List<string>(Words);
        var seen = new HashSet<string>(known);
        while (words.Count < Words)
        {
            if ((words.Count + 1) % madeUpEvery != 0 && known.TryDequeue(out string? word))
            {
                words.Add(word);
                continue;
            }
            string madeUp = string.Concat(Enumerable.Range(0, 3).Select(_ => onsets[random.Next(onsets.Length)] + vowels[random.Next(vowels.Length)] + codas[random.Next(codas.Length)]));
            if (seen.Add(madeUp)) words.Add(madeUp);
        }
        return [.. words];
    }

    private static double[] MakeCumulative()
    {
        var cumulative = new double[Words];
        double sum = 0;
        for (int i = 0; i < Words; i++) cumulative[i] = sum += 1 / (i + 2.7);
        return cumulative;
    }
}
