using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Rag.Foundation;
using Rag.Protocols;

namespace Rag.Tests.Protocols;

public sealed class EmbeddingDoorTests
{
    private const string Model = "all-MiniLM-L6-v2";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_shipped_model_answers_to_its_name_with_unit_vectors_as_numbers_or_base64()
    {
        await using var service = await TestService.StartAsync(model: true);
        var door = service.Get<EmbeddingDoor>();
        var numbers = await CallAsync(door, $$"""{"model":"{{Model}}","input":["Herons stand in water.","Share prices fell."]}""");
        float[][] vectors = [.. numbers.GetProperty("data").EnumerateArray().Select(d => d.GetProperty("embedding").EnumerateArray().Select(n => n.GetSingle()).ToArray())];
        vectors.ShouldAllBe(v => v.Length == 384 && Math.Abs(v.Sum(n => n * n) - 1) < 1e-3);
        numbers.GetProperty("usage").GetProperty("prompt_tokens").GetInt32().ShouldBeGreaterThan(6);
        var base64 = await CallAsync(door, $$"""{"model":"{{Model}}","input":"Herons stand in water.","encoding_format":"base64"}""");
        MemoryMarshal.Cast<byte, float>(base64.GetProperty("data")[0].GetProperty("embedding").GetBytesFromBase64()).ToArray().ShouldBe(vectors[0]);
        door.Knows(service.Get<Rag.Inference.Embedder>().ModelId!).ShouldBeTrue();
        door.Knows("default").ShouldBeFalse();

        async Task RefusedAsync(string body, ErrorKind kind, string says)
        {
            var e = await Should.ThrowAsync<RagException>(() => CallAsync(door, body));
            (e.Kind, e.Message.Contains(says, StringComparison.Ordinal), e.Remedy.Length > 0).ShouldBe((kind, true, true), body + ": " + e.Message);
        }

        await RefusedAsync("""{"model":"text-embedding-3-small","input":"a"}""", ErrorKind.NotFound, "text-embedding-3-small");
        await RefusedAsync($$"""{"model":"{{Model}}","input":[[1,2]]}""", ErrorKind.Invalid, "token ids");
        await RefusedAsync($$"""{"model":"{{Model}}","input":[]}""", ErrorKind.Invalid, "0 texts");
        await RefusedAsync($$"""{"model":"{{Model}}","input":" "}""", ErrorKind.Invalid, "empty");
        await RefusedAsync($$"""{"model":"{{Model}}"}""", ErrorKind.Invalid, "'input' is missing");
        await RefusedAsync($$"""{"model":"{{Model}}","input":"a","dimensions":256}""", ErrorKind.Invalid, "'dimensions' is 256");
        await RefusedAsync($$"""{"model":"{{Model}}","input":"a","encoding_format":"hex"}""", ErrorKind.Invalid, "hex");
        await RefusedAsync($$"""{"model":"{{Model}}","input":"{{string.Concat(Enumerable.Repeat("heron ", 1_000))}}"}""", ErrorKind.Invalid, "tokens");
        await RefusedAsync("[", ErrorKind.Invalid, "not the JSON");
    }

    private static async Task<JsonElement> CallAsync(EmbeddingDoor door, string body)
    {
        var context = new DefaultHttpContext { RequestAborted = Cancel };
        context.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(body));
        var response = new MemoryStream();
        context.Response.Body = response;
        await door.HandleAsync(context);
        return JsonDocument.Parse(response.ToArray()).RootElement.Clone();
    }
}
