import Testing

@testable import Node

@Suite struct BackendTests {
  @Test(arguments: [
    "http://localhost", "http://127.0.0.1:9000/apus", "HTTPS://app.example.com/a/b?c=d", "http://[::1]:80/",
  ])
  func urls(_ text: String) throws {
    let url = try BackendURL(text)
    #expect(url.text == text)
    #expect(!url.description.contains("c=d"), "it may be a secret")
  }

  @Test(arguments: [
    ("", "such as"), ("localhost:80", "such as"), ("ftp://a", "such as"), ("http://", "such as"),
    ("http:///path", "such as"), ("http://a b", "such as"), ("http://ä/", "such as"), ("unix:///a", "such as"),
    ("http://a\r\nb", "such as"), ("http://a:80:80/", "such as"), ("http://u@a/", "name"),
    ("http://u:s3cr3t@a/", "name"), ("http://a/#b", "#"), ("http://a:0/", "port"), ("http://a:65536/", "port"),
    ("http://" + String(repeating: "a", count: 2048), "such as"),
  ])
  func whatIsNoURL(_ text: String, _ hint: String) throws {
    let error = refusal { try NodeConfiguration(settings([.backend: [text]])) }
    #expect(error.hasPrefix("--backend"))
    #expect(error.contains(hint), "\(error)")
    #expect(!error.contains("s3cr3t"))
  }

  /// By Python: `hmac.new(secret, b"<t>." + body, hashlib.sha256).hexdigest()`.
  @Test func signatures() {
    let body = Array(#"{"method":"é","params":[1.0e400],"user":null,"clientId":"c-1"}"#.utf8)
    #expect(
      CallSignature(secret: "a-secret-of-the-backend-0123456789").value(for: body, at: 1_730_000_000)
        == "t=1730000000,v1=8f7e038983b5676882c46550d3653b2f0ae8c5b8d41267b0c191eae3cce2e618")
    #expect(
      CallSignature(secret: "k").value(for: [], at: 0)
        == "t=0,v1=6b4a4b8b3c40f1e8f53a3d36682e5f99f7ad2ac1df1c93dfe336f329167641e7")
  }
}
