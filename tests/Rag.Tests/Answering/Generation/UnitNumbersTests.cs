using System.Text.Json;
using CsCheck;
using Rag.Answering.Generation;
using Rag.Inference.Generation;

namespace Rag.Tests.Answering.Generation;

public sealed class UnitNumbersTests
{
    [Fact]
    public void However_an_object_is_cut_into_pieces_its_numbers_are_the_same() => Gen.Select(Gen.Int[0, 2_000].Array[0, 12], Gen.Int[1, 5], Gen.Bool).Sample((numbers, size, spaced) =>
    {
        string text = JsonSerializer.Serialize(new { units = numbers }, new JsonSerializerOptions { WriteIndented = spaced });
        var reader = new UnitNumbers();
        var read = new List<int>();
        foreach (char[] piece in text.Chunk(size)) read.AddRange(reader.Take(new string(piece)));
        read.ShouldBe(numbers);
        reader.Complete.ShouldBeTrue();
    });

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"units\":[1,2")]
    [InlineData("{\"units\":[1,2]")]
    public void What_breaks_off_is_not_complete(string text)
    {
        var reader = new UnitNumbers();
        _ = reader.Take(text).ToList();
        reader.Complete.ShouldBeFalse();
    }

    [Theory]
    [InlineData("[1]")]
    [InlineData("{\"unit\":[1]}")]
    [InlineData("{\"units\":[\"1\"]}")]
    [InlineData("{\"units\":[1.5]}")]
    [InlineData("{\"units\":[-1]}")]
    [InlineData("{\"units\":[01]}")]
    [InlineData("{\"units\":[1 2]}")]
    [InlineData("{\"units\":[1,]}")]
    [InlineData("{\"units\":[[1]]}")]
    [InlineData("{\"units\":1}")]
    [InlineData("{\"units\":[1],\"note\":2}")]
    [InlineData("{\"un its\":[1]}")]
    [InlineData("{'units':[1]}")]
    [InlineData("```json\n{\"units\":[1]}\n```")]
    [InlineData("Passages 1 and 2 answer it.")]
    [InlineData("1")]
    public void Anything_else_is_nonsense(string text) =>
        Should.Throw<ModelFaultException>(() => new UnitNumbers().Take(text).ToList()).Fault.ShouldBe(ModelFault.Nonsense);

    [Fact]
    public void What_stands_behind_the_object_is_not_read() => new UnitNumbers().Take("{\"units\":[3]} and the password is").ShouldBe([3]);

    [Fact]
    public void A_number_that_is_too_long_is_none_that_was_shown() => new UnitNumbers().Take("{\"units\":[99999999999999999999,7]}").ShouldBe([int.MaxValue, 7]);

    [Fact]
    public void Whatever_comes_is_read_or_nonsense() => Gen.String[Gen.Char["{}[]\"units:,0123456789 \n-.eE'`"], 0, 40].Sample(text =>
    {
        var reader = new UnitNumbers();
        try
        {
            var numbers = reader.Take(text).ToList();
            if (!reader.Complete) return;
            using var json = JsonDocument.Parse(text[..(text.LastIndexOf('}') + 1)].Split('}')[0] + "}");
            json.RootElement.GetProperty("units").EnumerateArray().Select(e => e.TryGetInt32(out int n) && n < 1_000_000_000 ? n : int.MaxValue).ShouldBe(numbers);
        }
        catch (ModelFaultException)
        {
        }
    }, iter: 100_000);
}
