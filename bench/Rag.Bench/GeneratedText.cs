using System.Text;

namespace Rag.Bench;

/// <summary>
/// Text made up of pronounceable words whose frequencies fall as words' do (Zipf's law), the same for the same seed:
/// what an index costs depends on that shape, not on the meaning.
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
        string[] onsets = ["b", "br", "c", "d", "dr", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "tr", "v"];
        string[] vowels = ["a", "e", "i", "o", "u", "ai", "ea"];
        string[] codas = ["", "l", "m", "n", "r", "s", "t", "nd"];
        var random = new Random(1);
        var words = new HashSet<string>();
        while (words.Count < Words)
        {
            // Frequent words are short, as they are in languages.
            int syllables = words.Count < 400 ? 1 : words.Count < 6_000 ? 2 : 3;
            words.Add(string.Concat(Enumerable.Range(0, syllables).Select(_ => onsets[random.Next(onsets.Length)] + vowels[random.Next(vowels.Length)] + codas[random.Next(codas.Length)])));
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
