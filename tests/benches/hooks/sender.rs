//! What GHL would send, signed before the clock runs.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::json;

use crate::options::Options;

pub(crate) struct Sender(Ed25519KeyPair);

impl Sender {
    pub(crate) fn new() -> Self {
        Self(Ed25519KeyPair::generate().expect("a key can be made"))
    }

    /// Its public key, as configurations have it.
    pub(crate) fn public(&self) -> String {
        STANDARD.encode(self.0.public_key())
    }

    /// Whole requests: head and body.
    pub(crate) fn requests(&self, options: &Options) -> Vec<Vec<u8>> {
        let now = Timestamp::now().to_string();
        (0..options.count())
            .map(|number| self.request(number, &now, options))
            .collect()
    }

    fn request(&self, number: u32, now: &str, options: &Options) -> Vec<u8> {
        let tenants = u32::from(options.tenants);
        let (tenant, contact) = (number % tenants, number / tenants % options.contacts);
        let body = json!({
            "type": "ContactUpdate", "locationId": tenant_name(tenant), "webhookId": format!("webhook-{number:012}"),
            "appId": "benchmark", "timestamp": now, "id": format!("contact-{tenant}-{contact}"),
            "email": format!("person-{tenant}-{contact}@example.com"), "phone": format!("+49151{tenant:03}{contact:06}"),
            "firstName": "Rosan", "lastName": "Deo", "address1": "3535 1st St N", "city": "Dolomite", "state": "AL",
            "country": "US", "postalCode": "35061", "companyName": "DGS VolMAX", "source": "public api", "dnd": false,
            "tags": ["nisi sint commodo amet", "consequat"],
            "customFields": [{ "id": "BcdmQEsNgz6AVpgLVUJ0", "value": "XYZ Corp" }],
        });
        let body = body.to_string();
        let signature = STANDARD.encode(self.0.sign(body.as_bytes()));
        let head = format!(
            "POST /hooks/ghl HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-ghl-signature: {signature}\r\n\r\n",
            body.len()
        );
        [head.into_bytes(), body.into_bytes()].concat()
    }
}

pub(crate) fn tenant_name(number: u32) -> String {
    format!("location-{number}")
}
